// SPDX-License-Identifier: GPL-2.0-or-later
// A load of the mapper socket, and what it answers.
//
//   mapper-load SOCKET encode FIRST COUNT BATCH WINDOW [FILE [PID ANSWERS]]
//       asks for the encoded addresses of the remote IPREF addresses FIRST to FIRST + COUNT - 1,
//       BATCH a frame, WINDOW frames in flight; adds what was answered to FILE: "NUMBER EA" a
//       line; kills the process PID when it has so many ANSWERS
//   mapper-load SOCKET verify FILE
//       asks for those of FILE again: says how many are lost or changed; fails if any is
//   mapper-load SOCKET publish SOURCE HOSTS [CHANGES]
//       publishes a set of HOSTS hosts, then a difference of CHANGES
//   mapper-load SOCKET held SOURCE HOSTS
//       fails if the gateway does not hold that set
//
// Prints one line of JSON. Ends with 0 also if the gateway goes away meanwhile: what was answered
// until then stands in FILE.
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "common/wire/mapper_frame.h"

namespace {

using namespace ipref;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Remote gateways of 198.18.0.0/15, 1,024 of them.
net::IpRef remote(uint64_t number) {
    return {net::Ip::v4(0xc6120001 + static_cast<uint32_t>(number % 1024)),
            net::Ref{0, 0x100000000 + number}};
}

wire::Host host(uint64_t number) {
    return {net::Ip::v4(0x0b000001 + static_cast<uint32_t>(number)),
            {net::Ip::v4(0xcb007101), net::Ref{0, 0x10000 + number}}};
}

class Mapper {
  public:
    explicit Mapper(const std::string& path) : fd_(socket(AF_UNIX, SOCK_SEQPACKET, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        const int size = 4 << 20;
        setsockopt(fd_, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
        if (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
            std::perror(path.c_str());
            std::exit(1);
        }
    }
    ~Mapper() { close(fd_); }
    Mapper(const Mapper&) = delete;
    Mapper& operator=(const Mapper&) = delete;

    bool send(proto::Frame frame) {
        const auto record = wire::build_frame(std::move(frame));
        if (!record) {
            std::fprintf(stderr, "%s\n", record.error().text.c_str());
            std::exit(1);
        }
        return ::send(fd_, record->data(), record->size(), MSG_NOSIGNAL) >= 0;
    }
    /// Nothing: the gateway has gone.
    std::optional<proto::Frame> receive() {
        const auto got = recv(fd_, space_.data(), space_.size(), 0);
        if (got <= 0) return std::nullopt;
        auto frame = wire::parse_frame({space_.data(), static_cast<size_t>(got)});
        if (!frame || frame->has_failure()) {
            std::fprintf(stderr, "refused: %s\n",
                         frame ? frame->failure().text().c_str() : frame.error().text.c_str());
            std::exit(1);
        }
        return std::move(*frame);
    }

  private:
    int fd_;
    std::vector<uint8_t> space_ = std::vector<uint8_t>(wire::kFrameLimit);
};

struct Asked {
    std::vector<uint64_t> numbers;
    Clock::time_point at;
};

/// Frames of queries in flight, answers in the order of the requests or not.
class Encoding {
  public:
    Encoding(Mapper& mapper, size_t window) : mapper_(mapper), window_(window) {}

    /// `answered(number, ea)` for each; an empty EA is a refusal. False: the gateway has gone.
    template <typename Answered>
    bool ask(std::vector<uint64_t> numbers, Answered answered) {
        while (asked_.size() >= window_) {
            if (!take(answered)) return false;
        }
        proto::Frame frame;
        frame.set_id(++id_);
        for (const uint64_t number : numbers) {
            auto& query = *frame.mutable_get_encoded_addresses()->add_queries();
            wire::put_ipref(remote(number), *query.mutable_ipref());
            query.set_name("host.example.com.");
        }
        asked_.push_back({std::move(numbers), Clock::now()});
        return mapper_.send(std::move(frame));
    }
    template <typename Answered>
    bool finish(Answered answered) {
        while (!asked_.empty()) {
            if (!take(answered)) return false;
        }
        return true;
    }
    /// Of one frame, in seconds; sorts.
    double percentile(double share) {
        if (times_.empty()) return 0;
        std::ranges::sort(times_);
        return times_[static_cast<size_t>(share * static_cast<double>(times_.size() - 1))];
    }

  private:
    template <typename Answered>
    bool take(Answered answered) {
        const auto frame = mapper_.receive();
        if (!frame) return false;
        const size_t at = frame->id() - (id_ - asked_.size()) - 1;
        if (at != 0) {
            std::fprintf(stderr, "answers out of order\n");
            std::exit(1);
        }
        const Asked& asked = asked_.front();
        const auto& answers = frame->encoded_addresses().answers();
        for (int i = 0; i < answers.size(); i++) {
            answered(asked.numbers[static_cast<size_t>(i)], answers[i].ea());
        }
        times_.push_back(seconds_since(asked.at));
        asked_.pop_front();
        return true;
    }

    Mapper& mapper_;
    size_t window_;
    uint64_t id_ = 0;
    std::deque<Asked> asked_;
    std::vector<double> times_;
};

std::string text_of(const std::string& ea) {
    const auto ip = wire::ip_from(ea);
    return ip ? ip->str() : "refused";
}

int encode(Mapper& mapper, const std::vector<std::string>& words) {
    const uint64_t first = std::stoull(words[0]);
    const uint64_t count = std::stoull(words[1]);
    const uint64_t batch = std::stoull(words[2]);
    Encoding encoding(mapper, std::stoull(words[3]));
    std::FILE* file = words.size() > 4 ? std::fopen(words[4].c_str(), "a") : nullptr;
    const pid_t victim = words.size() > 5 ? std::stoi(words[5]) : 0;
    const uint64_t last = victim == 0 ? 0 : std::stoull(words[6]);
    uint64_t answered = 0;
    uint64_t refused = 0;
    const auto take = [&](uint64_t number, const std::string& ea) {
        ea.empty() ? refused++ : answered++;
        if (victim != 0 && answered == last) kill(victim, SIGKILL);
        if (file == nullptr || ea.empty()) return;
        std::fprintf(file, "%llu %s\n", static_cast<unsigned long long>(number),
                     text_of(ea).c_str());
    };
    const auto start = Clock::now();
    bool there = true;
    for (uint64_t at = 0; at < count && there; at += batch) {
        std::vector<uint64_t> numbers;
        for (uint64_t i = at; i < std::min(count, at + batch); i++) numbers.push_back(first + i);
        there = encoding.ask(std::move(numbers), take);
    }
    if (there) there = encoding.finish(take);
    const double took = seconds_since(start);
    if (file != nullptr) std::fclose(file);
    fmt::print(
        "{{\"answered\": {}, \"refused\": {}, \"gone\": {}, \"seconds\": {:.6f}, "
        "\"per_second\": {:.0f}, \"p50_ms\": {:.3f}, \"p99_ms\": {:.3f}}}\n",
        answered, refused, !there, took, static_cast<double>(answered) / took,
        1000 * encoding.percentile(0.5), 1000 * encoding.percentile(0.99));
    return 0;
}

int verify(Mapper& mapper, const std::vector<std::string>& words) {
    std::FILE* file = std::fopen(words[0].c_str(), "r");
    if (file == nullptr) {
        std::perror(words[0].c_str());
        return 1;
    }
    std::vector<std::pair<uint64_t, std::string>> lines;
    unsigned long long number = 0;
    char ea[64];
    while (std::fscanf(file, "%llu %63s", &number, ea) == 2) lines.emplace_back(number, ea);
    std::fclose(file);
    size_t at = 0;
    size_t wrong = 0;
    const auto check = [&](uint64_t asked, const std::string& got) {
        const auto& [wanted, was] = lines[at++];
        if (wanted == asked && text_of(got) == was) return;
        if (wrong++ < 8) {
            std::fprintf(stderr, "%llu was %s, is %s\n", static_cast<unsigned long long>(asked),
                         was.c_str(), text_of(got).c_str());
        }
    };
    Encoding encoding(mapper, 4);
    bool there = true;
    for (size_t i = 0; i < lines.size() && there; i += 500) {
        std::vector<uint64_t> numbers;
        for (size_t j = i; j < std::min(lines.size(), i + 500); j++) {
            numbers.push_back(lines[j].first);
        }
        there = encoding.ask(std::move(numbers), check);
    }
    there = there && encoding.finish(check);
    fmt::print("{{\"checked\": {}, \"wrong\": {}}}\n", at, wrong);
    return wrong == 0 && there ? 0 : 1;
}

/// Sends the change in frames and waits for its answer; returns the hosts refused.
uint32_t ship(Mapper& mapper, const std::string& source, proto::HostData head,
              const std::vector<wire::Host>& add, const std::vector<wire::Host>& remove) {
    static uint64_t id = 0;
    id++;
    head.set_local_domain("internal");
    head.set_public_domain(source);
    head.set_batch(id);
    size_t added = 0;
    size_t removed = 0;
    do {
        proto::Frame frame;
        frame.set_id(id);
        auto& data = *frame.mutable_host_data() = head;
        int room = wire::kFrameItems;
        for (; removed < remove.size() && room > 0; room--) {
            wire::put_host(remove[removed++], *data.add_remove());
        }
        for (; added < add.size() && room > 0; room--)
            wire::put_host(add[added++], *data.add_add());
        data.set_last(added == add.size() && removed == remove.size());
        if (!mapper.send(std::move(frame))) std::exit(1);
    } while (added < add.size() || removed < remove.size());
    const auto answer = mapper.receive();
    if (!answer) std::exit(1);
    return answer->ack().rejected();
}

int publish(Mapper& mapper, const std::vector<std::string>& words) {
    const uint64_t count = std::stoull(words[1]);
    const uint64_t changes = words.size() > 2 ? std::stoull(words[2]) : 0;
    std::vector<wire::Host> hosts;
    for (uint64_t i = 0; i < count; i++) hosts.push_back(host(i));
    proto::HostData full;
    full.set_hash(wire::hash_of(hosts));
    auto start = Clock::now();
    const uint32_t rejected = ship(mapper, words[0], full, hosts, {});
    const double took = seconds_since(start);

    const std::vector<wire::Host> remove(hosts.begin(),
                                         hosts.begin() + static_cast<ptrdiff_t>(changes));
    std::vector<wire::Host> add;
    for (uint64_t i = 0; i < changes; i++) add.push_back(host(count + i));
    std::vector<wire::Host> after(hosts.begin() + static_cast<ptrdiff_t>(changes), hosts.end());
    after.insert(after.end(), add.begin(), add.end());
    proto::HostData change;
    change.set_difference(true);
    change.set_base_hash(full.hash());
    change.set_hash(wire::hash_of(after));
    start = Clock::now();
    if (changes > 0) ship(mapper, words[0], change, add, remove);
    fmt::print("{{\"hosts\": {}, \"rejected\": {}, \"set_ms\": {:.1f}, \"change_ms\": {:.2f}}}\n",
               count, rejected, 1000 * took, 1000 * seconds_since(start));
    return 0;
}

int held(Mapper& mapper, const std::vector<std::string>& words) {
    std::vector<wire::Host> hosts;
    for (uint64_t i = 0; i < std::stoull(words[1]); i++) hosts.push_back(host(i));
    proto::Frame frame;
    frame.set_id(1);
    auto& asked = *frame.mutable_host_data_hash();
    asked.set_local_domain("internal");
    asked.set_public_domain(words[0]);
    asked.set_hash(wire::hash_of(hosts));
    asked.set_count(static_cast<uint32_t>(hosts.size()));
    if (!mapper.send(std::move(frame)) || !mapper.receive()) return 1;  // a refusal ends it
    fmt::print("{{\"held\": {}}}\n", hosts.size());
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    const std::string mode = words.size() > 1 ? words[1] : "";
    const std::vector<std::string> rest(words.begin() + std::min<ptrdiff_t>(2, argc - 1),
                                        words.end());
    const auto fits = [&](const char* name, size_t least, size_t most) {
        return mode == name && rest.size() >= least && rest.size() <= most;
    };
    const bool known = fits("encode", 4, 5) || fits("encode", 7, 7) || fits("verify", 1, 1) ||
                       fits("publish", 2, 3) || fits("held", 2, 2);
    if (!known) {
        std::fprintf(
            stderr,
            "usage: mapper-load SOCKET encode FIRST COUNT BATCH WINDOW [FILE [PID ANSWERS]]\n"
            "       mapper-load SOCKET verify FILE\n"
            "       mapper-load SOCKET publish SOURCE HOSTS [CHANGES]\n"
            "       mapper-load SOCKET held SOURCE HOSTS\n");
        return 2;
    }
    Mapper mapper(words[0]);
    if (mode == "encode") return encode(mapper, rest);
    if (mode == "verify") return verify(mapper, rest);
    if (mode == "held") return held(mapper, rest);
    return publish(mapper, rest);
}
