# SPDX-License-Identifier: GPL-2.0-or-later
"""Networks in network namespaces, the suite's programs in them, and real clients.

shell       commands that run to their end
waiting     polling a condition until a deadline
interrupts  SIGINT and SIGTERM become an exception, so that everything is cleaned up
namespace   a host: one network namespace
process     a program in the background: log, readiness, SIGKILL, restart
lab         owns the hosts, the programs and their files, and takes them down
programs    command lines and readiness of ipref-gw, ipref-dns-agent, ipref-coredns
zone        text of zone files and Corefiles
internet    the router in the middle and the public DNS server
site        a local network with its hosts and its gateway, perhaps behind a NAT
clients     dig, ping, curl, iperf3, and servers for them
v1          a V1 speaker for the mapper socket
scenario    registering and running scenarios
"""
