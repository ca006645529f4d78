// SPDX-License-Identifier: GPL-2.0-or-later
#include <utility>

#include "gw/status_page/status_page.h"

namespace ipref::gw {

namespace {

constexpr const char* kHtml = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>IPREF gateway</title>
<link rel="stylesheet" href="status.css">
<script src="status.js" defer></script>
</head>
<body>
<header><h1>IPREF gateway</h1><p id="summary" role="status">Loading&hellip;</p></header>
<main>
<section><h2>Health</h2><ul id="health"></ul></section>
<section><h2>Traffic</h2><dl id="traffic"></dl></section>
<section><h2>Published services</h2><div id="published"></div></section>
<section><h2>Remote sites</h2><div id="peers"></div></section>
<section><h2>DNS</h2><dl id="dns"></dl><div id="sources"></div></section>
<section><h2>Drops</h2><div id="drops"></div></section>
<section><h2>Limits</h2><dl id="limits"></dl></section>
</main>
<noscript>This page needs its script. The same numbers: <a href="metrics">metrics</a></noscript>
</body>
</html>
)";

constexpr const char* kStyle =
    R"(:root { --line: #8884; --soft: #667; --good: #17803d; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --soft: #aab; --good: #5ad07f; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 1rem; font: 1rem/1.4 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: 1.05rem; margin: 0 0 .5rem; }
header p { color: var(--soft); margin: .2rem 0 1rem; overflow-wrap: anywhere; }
main {
  display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr));
}
section { border: 1px solid var(--line); border-radius: .5rem; padding: .8rem; min-width: 0; }
section div { overflow-x: auto; }
ul { list-style: none; margin: 0; padding: 0; }
li { padding-left: 1.3rem; text-indent: -1.3rem; overflow-wrap: anywhere; }
.good { color: var(--good); }
.good::before { content: "\2713\00a0\00a0"; }
.bad { color: var(--bad); }
li.bad::before { content: "\2717\00a0\00a0"; }
dl { display: grid; grid-template-columns: 1fr auto; gap: .2rem 1rem; margin: 0; }
dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--line); }
td { overflow-wrap: anywhere; }
th, .whole { white-space: nowrap; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
th:last-child, td:last-child { padding-right: 0; }
tr:last-child td { border-bottom: 0; }
dl + div { margin-top: .8rem; }
dd.wide {
  grid-column: 1 / -1; margin-bottom: .5rem; text-align: left; color: var(--soft);
  font-size: .9rem;
}
@media (max-width: 30rem) { th, td { padding-right: .3rem; font-size: .85rem; } }
dd.wide.bad { color: var(--bad); }
meter { display: block; width: 100%; height: 1rem; }
th { color: var(--soft); font-weight: 500; }
.none { color: var(--soft); margin: 0; }
)";

constexpr const char* kScript = R"('use strict';
const find = id => document.getElementById(id);
const make = (tag, text, kind) => {
  const one = document.createElement(tag);
  one.textContent = text;
  if (kind) one.className = kind;
  return one;
};
const bytes = n => {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let at = 0;
  while (n >= 1000 && at < 4) { n /= 1000; at++; }
  return (at ? n.toFixed(1) : n) + ' ' + units[at];
};
const rate = n => {
  const units = ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s'];
  let at = 0;
  while (n >= 1000 && at < 3) { n /= 1000; at++; }
  return n.toFixed(at ? 1 : 0) + ' ' + units[at];
};
const span = s => s < 120 ? s + ' s' : s < 7200 ? Math.floor(s / 60) + ' min'
  : s < 172800 ? Math.floor(s / 3600) + ' h' : Math.floor(s / 86400) + ' days';
// heads that begin with '>' are of numbers, with '=' of what must not be broken
const table = (id, heads, rows, none, more) => {
  if (!rows.length) return find(id).replaceChildren(make('p', none, 'none'));
  const all = document.createElement('table');
  const row = (tag, cells) => {
    const line = document.createElement('tr');
    cells.forEach((cell, at) =>
      line.append(make(tag, cell, { '>': 'number', '=': 'whole' }[heads[at][0]])));
    all.append(line);
  };
  row('th', heads.map(head => head.replace(/^[>=]/, '')));
  for (const cells of rows) row('td', cells);
  find(id).replaceChildren(all);
  if (more) find(id).append(make('p', more, 'none'));
};
const pairs = (id, all) => find(id).replaceChildren(...all.flatMap(([name, value, kind]) =>
  [make('dt', name), make('dd', value, kind)]));
const health = s => {
  const found = s.problems.map(text => make('li', text, 'bad'));
  if (s.overflows) found.push(make('li', s.overflows.toLocaleString() +
    ' packets lost because a socket was full', 'bad'));
  if (!found.length) found.push(make('li', 'No problem is known', 'good'));
  for (const text of s.off) found.push(make('li', 'Offload ' + text, 'none'));
  find('health').replaceChildren(...found);
};
let before = null;
const traffic = s => {
  const count = (what, side) =>
    (s.counters || {})['ipref_gw_' + what + '_total{side="' + side + '"}'] || 0;
  const now = { at: Date.now(), in: count('received_bytes', 'udp'),
    out: count('sent_bytes', 'udp') };
  const moved = way => before && now.at > before.at && now[way] >= before[way]
    ? rate((now[way] - before[way]) * 8000 / (now.at - before.at)) : '\u2013';
  pairs('traffic', [
    ['From remote sites, now', moved('in')],
    ['To remote sites, now', moved('out')],
    ['From remote sites', bytes(now.in)],
    ['To remote sites', bytes(now.out)],
    ['Packets in', count('received_packets', 'udp').toLocaleString()],
    ['Packets out', count('sent_packets', 'udp').toLocaleString()],
    ['Mappings of remote hosts', s.remote.toLocaleString()],
    ['Mappings of local hosts', s.local.toLocaleString()]]);
  before = now;
};
const dns = s => {
  const known = Object.values(s.programs).reduce((sum, n) => sum + n, 0);
  const state = name => s.programs[name] ? 'connected' : 'not connected';
  const rows = [['DNS server', state('ipref-coredns')], ['DNS agent', state('ipref-dns-agent')]];
  if (s.clients > known) rows.push(['Programs that do not say what they are',
    String(s.clients - known)]);
  pairs('dns', rows);
  table('sources', ['Source', '>Hosts', '>Confirmed'], s.sources.map(o => [o.name,
    o.hosts.toLocaleString(), span(o.confirmed) + ' ago']),
    'No agent and no hosts file has told of hosts.');
};
/* what stands below a limit's bar, and whether it is bad */
const closeness = l => {
  if (l.held >= l.limit) return ['Full: new ones are refused', 'bad'];
  if (l.held >= l.forPackets)
    return ['Packets of strangers get no more; what a DNS server asks for still does', 'bad'];
  if (l.forPackets < l.limit)
    return ['Packets of strangers may use ' + l.forPackets.toLocaleString(), ''];
  return l.held >= 0.8 * l.limit ? ['Nearly full', 'bad'] : ['', ''];
};
const limits = s => find('limits').replaceChildren(...s.limits.flatMap(l => {
  const bar = document.createElement('meter');
  Object.assign(bar, { max: l.limit, low: Math.min(l.forPackets, 0.8 * l.limit),
    high: 0.95 * l.limit, optimum: 0, value: l.held, ariaLabel: l.what });
  const [text, kind] = closeness(l);
  const below = make('dd', text, ('wide ' + kind).trim());
  below.prepend(bar);
  return [make('dt', l.what), make('dd', l.held.toLocaleString() + ' of ' +
    l.limit.toLocaleString()), below];
}));
const show = s => {
  find('summary').className = '';
  find('summary').textContent = (s.devmode ? 'mapper alone, no tunnel' : s.gateways.join(', ') +
    ' port ' + s.port + ', ' + s.tun + ' ' + s.networks.join(', ') + ' MTU ' + s.mtu) +
    ', up ' + span(s.uptime) + ', release ' + s.release;
  health(s);
  traffic(s);
  dns(s);
  limits(s);
  table('published', ['=Host', 'Reference', 'From'],
    s.published.map(p => [p.ip, (p.gateway ? p.gateway + ' + ' : '') + p.ref, p.owner]),
    s.publishedMore ? 'Too many mappings to look through: ipref-gw mappings lists them.'
      : 'Nothing is published: this site only reaches others.',
    s.publishedMore && 'Not all are shown: ipref-gw mappings lists them.');
  const peers = s.peers || [];
  table('peers', ['=Gateway', '>In', '>Out', '>MTU', '>Heard'], peers.map(p => [p.at, bytes(p.in),
    bytes(p.out), p.mtu ? String(p.mtu) : '\u2013', p.heard ? span(p.ago) + ' ago' : 'never']),
    'No remote site has been met yet.', peers.length < s.peerCount &&
    peers.length + ' of ' + s.peerCount.toLocaleString() + ': ipref-gw peers lists them all.');
  table('drops', ['Reason', '>In', '>Out'], (s.drops || []).map(d => [d.text,
    d.in.toLocaleString(), d.out.toLocaleString()]), 'No packet was dropped.');
};
const look = () => fetch('status.json').then(answer => answer.json()).then(show).catch(() => {
  find('summary').className = 'bad';
  find('summary').textContent = 'The gateway does not answer. What stands below is old.';
});
look();
setTimeout(look, 1000);
setInterval(look, 5000);
)";

run::HttpResponse page(const char* type, std::string body) {
    run::HttpResponse response;
    response.type = type;
    response.body = std::move(body);
    response.headers =
        "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        "Referrer-Policy: no-referrer\r\n"
        "Cache-Control: no-store\r\n";
    return response;
}

}  // namespace

void handle_status_page(run::HttpServer& server, std::function<std::string()> json) {
    server.handle_page("/", [] { return page("text/html; charset=utf-8", kHtml); });
    server.handle_page("/status.css", [] { return page("text/css; charset=utf-8", kStyle); });
    server.handle_page("/status.js",
                       [] { return page("text/javascript; charset=utf-8", kScript); });
    server.handle_page("/status.json",
                       [json = std::move(json)] { return page("application/json", json()); });
}

}  // namespace ipref::gw
