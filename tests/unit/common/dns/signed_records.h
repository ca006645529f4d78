// SPDX-License-Identifier: GPL-2.0-or-later
// Two zones signed with BIND's dnssec-signzone, valid from 2020 to 2080: com, which delegates
// example.com.
#pragma once

#include <string>
#include <vector>

namespace ipref::test {

inline const std::vector<std::string> kComKeys = {
    "com. 300 IN DNSKEY 256 3 13 gJlV9sr+wDCyDhdlIiAhYGlcxdWqugVAntem6LQArs4eur1DtSJfC3BW "
    "QmCC9KRcId5xyKo8QDNO+/lF5ejxpA==",
    "com. 300 IN DNSKEY 257 3 13 hk9ld2S2vhgoQT226lw/BOStnmApsnD+vyyQUmV/vh90EQbBl1XU/RaG "
    "DUol75BvMoVAKXTo3K8GlVyhFWm+1w==",
    "com. 300 IN RRSIG DNSKEY 13 1 300 20800101000000 20200101000000 25238 com. "
    "aWCW6sRwTJml2fWeshpto6Q67cddTQrX+GsV87PyM1nZTVpDVvy/bwxV 3Khmg//A8QSh5pnNGJGcseDxICy3eA==",
    "com. 300 IN RRSIG DNSKEY 13 1 300 20800101000000 20200101000000 61420 com. "
    "rc0fNMSmPt6H4YMIZUvItteyoyRXj4/36U+B+h3lrBNnfDZwtf5GqtXK 7FqPRU0M5I1erKg7nsJh1ib9ejwSVw==",
};

inline const std::vector<std::string> kExampleDs = {
    "example.com. 300 IN DS 58483 13 2 4321DDBDC6017775F2B69345D41567E2C618B8C4D067B405CCFABE7B "
    "25C86084",
    "example.com. 300 IN RRSIG DS 13 2 300 20800101000000 20200101000000 25238 com. "
    "6awpmOb/wRJblmk23+5EojkAPfJe36Xm969Kh14P0FGZ9vHPvehqSxJV HyKtkrZX73X0CDqREV6fNWFVVLgVLA==",
};

inline const std::vector<std::string> kExample = {
    "example.com. 300 IN SOA ns.example.com. m.example.com. 7 3600 600 86400 300",
    "example.com. 300 IN RRSIG SOA 13 2 300 20800101000000 20200101000000 11485 example.com. "
    "dE9sA3BhGC8kX6uyD7J65+GpxwxRGI07JMr3QBTX/qWH/n07ba5isspa 19u0Mavh51pYKDXczNS1sMj5myWhOA==",
    "example.com. 300 IN DNSKEY 256 3 13 g360jOKvWjWcIFHUbfU/m1zUMejwQBKMOMTwMZxVT2IW6zvsA4aBiD6E "
    "2nFxX8An7Jlo70HL12RbnUxQwAt5DA==",
    "example.com. 300 IN DNSKEY 257 3 13 DyQBqlriUHnVwoZLXFKKivCheW2ExlZbnUsE9QPJLE4LKQckWvFcq+GY "
    "nzCB1JcSaRVEpupaahSK4eAZCTzvyg==",
    "example.com. 300 IN RRSIG DNSKEY 13 2 300 20800101000000 20200101000000 11485 example.com. "
    "uZGqRJjr1eUt63JHiiW/HPCYGeAdfmeiD2MZS9Oj9FSLhsgWA/EH/K8h wjY7cFUS9xMLP9hLY8GnEQ9LDDPRGw==",
    "example.com. 300 IN RRSIG DNSKEY 13 2 300 20800101000000 20200101000000 58483 example.com. "
    "UuYjv3NLGScsiAsZI3EhmeL+dfnSeUMSVlnbeyo8akT1RL1YgR4Sy/ZL TUNeXhZiIgcxWiUvUhRD18IVS94Xpg==",
    "mail.example.com. 300 IN TXT \"AA 198.51.100.1 + 2\"",
    "mail.example.com. 300 IN RRSIG TXT 13 3 300 20800101000000 20200101000000 11485 example.com. "
    "HiLloJZlPulCTBbilKgLLsiOzhIS5Y5jHW6g2O31YtSXKW9k2YnYGIyn 7m4x+3YB9XschNiaPYExwzGrHxUYWw==",
    "web.example.com. 300 IN TXT \"v=spf1 -all\"",
    "web.example.com. 300 IN TXT \"AA 198.51.100.1 + 1\"",
    "web.example.com. 300 IN RRSIG TXT 13 3 300 20800101000000 20200101000000 11485 example.com. "
    "rhMbGmP9OX/vuaIFf5XbK0kWuhQb8t97B4S9R4ntnrSVNW0jNCN5hbSf tlvPjeXDDEXCvw6lpphDBEieItJMLA==",
    "plain.example.com. 300 IN TXT \"x\"",
    "plain.example.com. 300 IN RRSIG TXT 13 3 300 20800101000000 20200101000000 11485 example.com. "
    "jTlstNSBHGUI2TN7G9mTmkzOukbWmPgvcmGByl6Ys3/2VDS4Xgz7ok3B NvKrUIdY8aXVExYKlpwrbINT25OUYA==",
};

inline const std::string kComAnchor =
    "com. IN DS 61420 13 2 30FBCAAB90A10E1012316692AB1AF7E85F60BC766A4BF2B27B3EC43B 190C2DD9";

}  // namespace ipref::test
