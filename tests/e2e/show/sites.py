# SPDX-License-Identifier: GPL-2.0-or-later
"""The four sites of the demo."""

from lab.site import ENCODE_6, Plan

ALPHA = Plan("alpha", "example.com", "203.0.113.10/25", published={"web": "1025"})
BETA = Plan("beta", "example.org", "198.51.100.20/25", published={"web": "1-22"})
GAMMA = Plan("gamma", "example.net", "198.51.100.130/25", lan="fd00:1::/64", encode=ENCODE_6,
             published={"web": "1025"})
DELTA = Plan("delta", "example.edu", "203.0.113.130/25", nat=True)

PICTURE = """\
 alpha-host ------ alpha-gw ----------------+
 192.168.1.10      203.0.113.10             |
                                            |
 beta-host ------- beta-gw -----------------+
 192.168.1.10      198.51.100.20            |
                                         internet ------ public-dns
 gamma-host ------ gamma-gw ----------------+            192.0.2.53
 fd00:1::a         198.51.100.130           |
                                            |
 delta-host ------ delta-gw -- delta-nat ---+
 192.168.1.10      172.16.0.2  203.0.113.130"""
