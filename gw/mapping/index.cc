// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/mapping/index.h"

#include <bit>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

#include "gw/mapping/random.h"
#include "gw/mapping/rcu_annotate.h"

namespace ipref::gw {

namespace {

__extension__ using Wide = unsigned __int128;

constexpr unsigned long kLeastBuckets = 4096;

Entry* entry_at(cds_lfht_node* node, size_t offset) {
    return node == nullptr ? nullptr
                           : reinterpret_cast<Entry*>(reinterpret_cast<char*>(node) - offset);
}

template <cds_lfht_node Entry::*Node>
constexpr size_t offset_of();
template <>
constexpr size_t offset_of<&Entry::by_ip>() {
    return offsetof(Entry, by_ip);
}
template <>
constexpr size_t offset_of<&Entry::by_ipref>() {
    return offsetof(Entry, by_ipref);
}

cds_lfht* new_table() {
    // Of one size until reserve(): growth by itself would start a thread of the library's here,
    // before the process has given up its privileges, and would lag behind anyway.
    auto* table =
        cds_lfht_new_flavor(kLeastBuckets, kLeastBuckets, 0, 0, &urcu_qsbr_flavor, nullptr);
    if (table == nullptr) throw std::bad_alloc();
    return table;
}

}  // namespace

Index::Index(Relation relation) : relation_(relation), by_ip_(new_table()), by_ipref_(new_table()) {
    Random random;
    seed_ = {random.number(), random.number() | 1};
}

Index::~Index() {
    if (cds_lfht_destroy(by_ip_, nullptr) != 0) std::abort();  // not empty
    if (cds_lfht_destroy(by_ipref_, nullptr) != 0) std::abort();
}

// Multiply and fold, with secret numbers: cheap, and nobody outside can make keys collide.
uint64_t Index::mix(uint64_t state, uint64_t word) const {
    const auto product = static_cast<Wide>(state ^ word) * seed_[1];
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64) ^ seed_[0];
}

uint64_t Index::hash(const net::Ip& ip, net::Family family) const {
    uint64_t words[2];
    std::memcpy(words, ip.data(), sizeof(words));
    return mix(mix(mix(seed_[0], words[0]), words[1]), static_cast<uint64_t>(family));
}

uint64_t Index::hash(const net::IpRef& ipref, net::Family family) const {
    return mix(hash(ipref.ip, family), hash(ipref.ref, family));
}

uint64_t Index::hash(const net::Ref& ref, net::Family family) const {
    return mix(mix(mix(seed_[0], ref.low), ref.high), static_cast<uint64_t>(family));
}

uint64_t Index::hash_by_ip(const Entry& entry) const {
    const auto family = relation_ == Relation::remote ? entry.ip.family() : entry.ipref.ip.family();
    return hash(entry.ip, family);
}

uint64_t Index::hash_by_ipref(const Entry& entry) const {
    return relation_ == Relation::remote ? hash(entry.ipref, entry.ip.family())
                                         : hash(entry.ipref.ref, entry.ipref.ip.family());
}

bool Index::match_ea(const Entry& entry, const Key& key) {
    return entry.ip == *key.ip;
}

bool Index::match_theirs(const Entry& entry, const Key& key) {
    return entry.ipref.ref == *key.ref && entry.ipref.ip == *key.ip &&
           entry.ip.family() == key.family;
}

bool Index::match_host(const Entry& entry, const Key& key) {
    return entry.ip == *key.ip && entry.ipref.ip.family() == key.family;
}

bool Index::match_ours(const Entry& entry, const Key& key) {
    return entry.ipref.ref == *key.ref && entry.ipref.ip == *key.ip;
}

bool Index::match_ref(const Entry& entry, const Key& key) {
    return entry.ipref.ref == *key.ref && entry.ipref.ip.family() == key.family;
}

template <cds_lfht_node Entry::*Node, Index::Match match>
int Index::matches(cds_lfht_node* node, const void* wanted) {
    Entry* entry = entry_at(node, offset_of<Node>());
    annotate_acquire(entry);
    return static_cast<int>(match(*entry, *static_cast<const Index::Key*>(wanted)));
}

template <cds_lfht_node Entry::*Node, Index::Match match>
Entry* Index::only(cds_lfht* table, uint64_t hash, const Key& key) {
    cds_lfht_iter iter;
    cds_lfht_lookup(table, hash, matches<Node, match>, &key, &iter);
    return entry_at(cds_lfht_iter_get_node(&iter), offset_of<Node>());
}

template <cds_lfht_node Entry::*Node, Index::Match match>
Entry* Index::newest(cds_lfht* table, uint64_t hash, const Key& key) {
    cds_lfht_iter iter;
    cds_lfht_lookup(table, hash, matches<Node, match>, &key, &iter);
    Entry* best = entry_at(cds_lfht_iter_get_node(&iter), offset_of<Node>());
    if (best == nullptr) return nullptr;
    for (;;) {
        cds_lfht_next_duplicate(table, matches<Node, match>, &key, &iter);
        Entry* other = entry_at(cds_lfht_iter_get_node(&iter), offset_of<Node>());
        if (other == nullptr) return best;
        if (other->serial > best->serial) best = other;
    }
}

Entry* Index::ea(const net::Ip& ea) const {
    return only<&Entry::by_ip, match_ea>(by_ip_, hash(ea, ea.family()),
                                         {&ea, nullptr, ea.family()});
}

Entry* Index::theirs(const net::IpRef& theirs, net::Family ea) const {
    return only<&Entry::by_ipref, match_theirs>(by_ipref_, hash(theirs, ea),
                                                {&theirs.ip, &theirs.ref, ea});
}

Entry* Index::host(const net::Ip& host, net::Family gw) const {
    return newest<&Entry::by_ip, match_host>(by_ip_, hash(host, gw), {&host, nullptr, gw});
}

Entry* Index::ours(const net::IpRef& ours, bool any_context) const {
    const auto family = ours.ip.family();
    const Key key{&ours.ip, &ours.ref, family};
    const uint64_t hashed = hash(ours.ref, family);
    Entry* exact = newest<&Entry::by_ipref, match_ours>(by_ipref_, hashed, key);
    if (exact != nullptr || !any_context) return exact;
    return newest<&Entry::by_ipref, match_ref>(by_ipref_, hashed, key);
}

void Index::reserve(size_t entries) {
    const auto buckets = std::max(std::bit_ceil<unsigned long>(entries), kLeastBuckets);
    cds_lfht_resize(by_ip_, buckets);
    cds_lfht_resize(by_ipref_, buckets);
}

void Index::add(Entry* entry) {
    annotate_release(entry);
    cds_lfht_add(by_ip_, hash_by_ip(*entry), &entry->by_ip);
    cds_lfht_add(by_ipref_, hash_by_ipref(*entry), &entry->by_ipref);
}

void Index::remove(Entry* entry) {
    if (cds_lfht_del(by_ip_, &entry->by_ip) != 0) std::abort();  // was not in it: a bug
    if (cds_lfht_del(by_ipref_, &entry->by_ipref) != 0) std::abort();
}

namespace {

struct Retired {
    rcu_head head;
    std::vector<Entry*> entries;
};

void free_retired(rcu_head* head) {
    annotate_grace_period_end();
    annotate_acquire(head);
    const std::unique_ptr<Retired> retired(
        reinterpret_cast<Retired*>(reinterpret_cast<char*>(head) - offsetof(Retired, head)));
    for (Entry* entry : retired->entries) delete entry;
}

}  // namespace

void retire(std::vector<Entry*> entries) {
    if (entries.empty()) return;
    auto retired = std::make_unique<Retired>(Retired{{}, std::move(entries)});
    annotate_release(&retired->head);
    urcu_qsbr_call_rcu(&retired.release()->head, free_retired);
}

void retire_all() {
    urcu_qsbr_barrier();
}

}  // namespace ipref::gw
