// SPDX-License-Identifier: GPL-2.0-or-later
// A zone signed with BIND's dnssec-signzone, valid from 2020 to 2080, with NSEC: TXT records of web
// and mail, an alias of web, and out, an alias into another zone.
#pragma once

#include <string>
#include <vector>

namespace ipref::test {

inline const std::string kNamesAnchor =
    "example.com. IN DS 2803 13 2 E0E55334A93BBE827783F6AA024A87584427CDBDD1750CE58E5259B8F0557F69";

inline const std::vector<std::string> kSignedNames = {
    "example.com. 300 IN SOA ns.example.net. m.example.net. 7 3600 600 86400 300",
    "example.com. 300 IN RRSIG SOA 13 2 300 20800101000000 20200101000000 58091 example.com. "
    "usvIzgGQmgA+nYII0KoPcMz8fy/7Zpjy+vlVCDRdfbr5RXYdQtZ1j3rw "
    "LercJ7MDa3RNlQMSyzO/e5TaIan90Q==",
    "example.com. 300 IN NS ns.example.net.",
    "example.com. 300 IN RRSIG NS 13 2 300 20800101000000 20200101000000 58091 example.com. "
    "YVsLUwoGZIPGhkjbp4RJVP8homI1WdnubWnJAMaYVYC5XfELh5WNYJbv "
    "JYTyvCCkyk79f6r9Pzu6ylnxahADKQ==",
    "example.com. 300 IN NSEC alias.example.com. NS SOA RRSIG NSEC DNSKEY",
    "example.com. 300 IN RRSIG NSEC 13 2 300 20800101000000 20200101000000 58091 "
    "example.com. cMDovjTctxV9bi4SNgAqOfT4JklO86kiokHA1jQpYlT9KGA5tSoM5q3s "
    "AEignfRG6XIfFVknaMWIF3ldsWtzQA==",
    "example.com. 300 IN DNSKEY 256 3 13 J0YBRSOAs75qFNaN5+i1WLV8ABs2h1T7IHQhEf4bmsdmhCVE1QYOQ"
    "e5I 8GT1WILHcl9BhSkAxPlYud65oQWldw==",
    "example.com. 300 IN DNSKEY 257 3 13 reHwg0j83xOkKyohUNiEdt7U72RC7rWQ1FElZyKpsjXtgi+in7ZQP"
    "C88 cUUeFtvPnLMFT+KFetQqXDXTpexaig==",
    "example.com. 300 IN RRSIG DNSKEY 13 2 300 20800101000000 20200101000000 2803 "
    "example.com. OxyBYhu4zXdnIo3zoulwMfYMw9wG+M4zkjWkWVF8xiE5B89Dy4AJD5q2 "
    "y5mkfybslkuk43R90QASfMIQUnKF9w==",
    "example.com. 300 IN RRSIG DNSKEY 13 2 300 20800101000000 20200101000000 58091 "
    "example.com. 0YQa9aNTBrd/ncsk/CAB3K3+pwJUvjcHJ//DUSfc9YWwdSPWwCQH8zT7 "
    "9N/XrBr1qq5AyVrXeiKo7PLyH7+J0g==",
    "out.example.com. 300 IN CNAME web.example.net.",
    "out.example.com. 300 IN RRSIG CNAME 13 3 300 20800101000000 20200101000000 58091 "
    "example.com. BJQaEOGPtz0r0m/lUAzD5ZCEn7V0FeSh0ZnrRl0AbxbcoTHtDSgZxCSz "
    "xv3vY6mVLlx4VlfiAPbzAv2qcDBQWQ==",
    "out.example.com. 300 IN NSEC web.example.com. CNAME RRSIG NSEC",
    "out.example.com. 300 IN RRSIG NSEC 13 3 300 20800101000000 20200101000000 58091 "
    "example.com. N75Aj+BUPT5yF4E0I5OeOKdldOZxK7jkYY6IJjsL3DEQjrRzCGpjJ+Wf "
    "Ub1d02cmqRoPd5a3LkBW+RDZDoIQSQ==",
    "alias.example.com. 300 IN CNAME web.example.com.",
    "alias.example.com. 300 IN RRSIG CNAME 13 3 300 20800101000000 20200101000000 58091 "
    "example.com. cDdmAw7N6U0aijw4n48a4ADwp3XsqUkl3XI8+EAGoNaZTOFOfi4pS000 "
    "xXi2uWHTj7UJvLNyBoN8wuRg3Ck0gw==",
    "alias.example.com. 300 IN NSEC mail.example.com. CNAME RRSIG NSEC",
    "alias.example.com. 300 IN RRSIG NSEC 13 3 300 20800101000000 20200101000000 58091 "
    "example.com. 6c6xonO78OEQpJ11xiUvI8jWDAtqC2D+3MeMDcSfND8d5Mw3K8o1qo5E "
    "I56Wnl0ZTKi7fBt/qE4PNhjmhjjcTA==",
    "mail.example.com. 300 IN TXT \"AA 198.51.100.1 + 2\"",
    "mail.example.com. 300 IN RRSIG TXT 13 3 300 20800101000000 20200101000000 58091 "
    "example.com. k88K6gDX0YngdzRO5vrLN3r8TsLFM/3qKxV1W4oxzYcehPtilLwnbc5R "
    "6d1UiamJ3E6M9Vscxwi25w6kzweNVQ==",
    "mail.example.com. 300 IN NSEC out.example.com. TXT RRSIG NSEC",
    "mail.example.com. 300 IN RRSIG NSEC 13 3 300 20800101000000 20200101000000 58091 "
    "example.com. yiNOFrsOsPIK9pJeFu9D0bwRDjlE+ugO6xmTZcgLBRDjrhuzKzm+FCbs "
    "DxF5ozfyrtQ9qO1zVGCct0nkLU3FIQ==",
    "web.example.com. 300 IN TXT \"v=spf1 -all\"",
    "web.example.com. 300 IN TXT \"AA 198.51.100.1 + 1\"",
    "web.example.com. 300 IN RRSIG TXT 13 3 300 20800101000000 20200101000000 58091 "
    "example.com. 30pMnEaj3/WZcns6o9G3gBbF9hb22rKAS4tA+SK4Bx2YqvJbAfKs6422 "
    "EUHXdUXH2Ew4DCvxKam59pcXjAyIFQ==",
    "web.example.com. 300 IN NSEC example.com. TXT RRSIG NSEC",
    "web.example.com. 300 IN RRSIG NSEC 13 3 300 20800101000000 20200101000000 58091 "
    "example.com. Nh5frjGgOZRqjsQmOG35UzPnfshpkZnwzCHhAL0QAmF/k8+WOSa7acjz "
    "U4rOVINqwwuHwwPMdx8qZk/JXdsbaQ==",
};

}  // namespace ipref::test
