// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/corefile/dispenser.h"

#include <cassert>

namespace ipref::resolver {

const Token& Dispenser::current() const {
    assert(at_ < tokens_.size());
    return tokens_[at_];
}

bool Dispenser::next() {
    if (at_ + 1 >= tokens_.size()) return false;  // SIZE_MAX + 1 is 0: before the first
    at_++;
    return true;
}

bool Dispenser::next_on_line() {
    const size_t following = at_ + 1;
    if (following >= tokens_.size()) return false;
    if (at_ != SIZE_MAX && ends_line(tokens_[at_], tokens_[following])) return false;
    at_ = following;
    return true;
}

bool Dispenser::next_arg() {
    const size_t before = at_;
    if (!next_on_line()) return false;
    if (!current().is('{')) return true;
    at_ = before;
    return false;
}

bool Dispenser::next_block() {
    if (nesting_ == 0) {
        const size_t before = at_;
        if (!next_on_line()) return false;
        if (!current().is('{')) {
            at_ = before;
            return false;
        }
        nesting_ = 1;
    }
    if (!next()) {
        ok_ = false;
        return false;
    }
    if (!current().is('}')) return true;
    nesting_ = 0;
    return false;
}

std::vector<Token> Dispenser::remaining_tokens() {
    std::vector<Token> out;
    while (next_arg()) out.push_back(current());
    return out;
}

std::vector<std::string> Dispenser::remaining_args() {
    std::vector<std::string> out;
    while (next_arg()) out.push_back(val());
    return out;
}

size_t Dispenser::count_args() const {
    Dispenser copy = *this;
    return copy.remaining_tokens().size();
}

tl::unexpected<Error> Dispenser::err(std::string_view what) const {
    return parse_error(at_ < tokens_.size() ? current().at : end_, what);
}

tl::unexpected<Error> Dispenser::arg_err() const {
    return err(fmt::format("Wrong argument count or unexpected line ending after '{}'", val()));
}

tl::unexpected<Error> Dispenser::eof_err() const {
    return parse_error(end_, "Unexpected EOF");
}

}  // namespace ipref::resolver
