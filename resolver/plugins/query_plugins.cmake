# SPDX-License-Identifier: GPL-2.0-or-later
# Plugins that look at queries and answers, or make answers from the Corefile alone.
target_sources(ipref-resolver PRIVATE
  plugins/acl/acl.cc
  plugins/any/any.cc
  plugins/autopath/autopath.cc
  plugins/dns64/dns64.cc plugins/dns64/embed.cc
  plugins/dnssec/dnssec.cc plugins/dnssec/key.cc plugins/dnssec/rrsig.cc
  plugins/dnssec/signatures.cc
  plugins/dnstap/collector.cc plugins/dnstap/dnstap.cc plugins/dnstap/frame_stream.cc
  plugins/dnstap/tap_message.cc
  plugins/erratic/erratic.cc
  plugins/header/header.cc
  plugins/hosts/hosts.cc plugins/hosts/table.cc
  plugins/loadbalance/loadbalance.cc plugins/loadbalance/weights.cc
  plugins/local/local.cc
  plugins/metadata/metadata.cc
  plugins/minimal/minimal.cc
  plugins/rewrite/edns0.cc plugins/rewrite/matcher.cc plugins/rewrite/respond.cc
  plugins/rewrite/rewrite.cc plugins/rewrite/rule.cc
  plugins/sign/sign.cc plugins/sign/signed_file.cc plugins/sign/zone_signer.cc
  plugins/template/expression.cc plugins/template/functions.cc plugins/template/template.cc
  plugins/template/text_template.cc
  plugins/tsig/key_file.cc plugins/tsig/keys.cc plugins/tsig/tsig.cc
  plugins/view/expression.cc plugins/view/functions.cc plugins/view/view.cc)
