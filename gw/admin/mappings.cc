// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/admin/mappings.h"

#include <memory>

#include "common/run/json.h"
#include "common/wire/mapper_frame.h"
#include "gw/admin/show.h"
#include "gw/admin/text.h"

namespace ipref::gw::admin {

namespace {

constexpr uint32_t kPage = 500;

/// What is written before, for and after rows.
class Form {
  public:
    virtual ~Form() = default;
    virtual std::string rows(const proto::Mappings& page) = 0;
    virtual std::string end() = 0;
};

class TextForm : public Form {
  public:
    std::string rows(const proto::Mappings& page) override {
        for (const auto& row : page.mappings()) {
            any_ = true;
            columns_.add({row.remote() ? "remote" : "ours", address(row.ip()), ipref(row.ipref()),
                          harmless(row.owner()),
                          row.lifetime() == 0 ? "-" : duration(row.lifetime())});
        }
        return columns_.size() == 0 ? "" : columns_.take();
    }
    std::string end() override { return any_ ? "" : "no such mappings\n"; }

  private:
    bool any_ = false;
    // Wide enough for IPv4 from the start, so that columns seldom move.
    Columns columns_{
        {"host", "address        ", "reference                ", "owner", "expires in"}};
};

class JsonForm : public Form {
  public:
    JsonForm() { json_.open('{').member("schema", "ipref.mappings/1").key("mappings").open('['); }

    std::string rows(const proto::Mappings& page) override {
        for (const auto& row : page.mappings()) {
            json_.open('{').member("host", row.remote() ? "remote" : "local");
            json_.member("ip", address(row.ip())).member("gw", address(row.ipref().gw()));
            const auto ref = wire::ref_from(row.ipref().ref());
            json_.member("ref", ref ? ref->str() : "?").member("owner", row.owner());
            json_.key("expires_in");
            row.lifetime() == 0 ? json_.null() : json_.value(row.lifetime());
            json_.close('}');
        }
        return json_.take();
    }
    std::string end() override {
        json_.close(']').close('}');
        return json_.take() + '\n';
    }

  private:
    run::Json json_;
};

Answer<void> list_host(const MappingQuery& query, const std::string& host, Form& form,
                       const Ask& ask, const Write& write) {
    std::string cursor;
    do {
        proto::Frame frame;
        auto& request = *frame.mutable_mappings_request();
        request.set_cursor(cursor);
        request.set_limit(kPage);
        request.set_host(host);
        request.set_gw(query.gw);
        request.set_ref(query.ref);
        request.set_owner(query.owner);
        const auto answer = ask(std::move(frame));
        if (!answer) return tl::unexpected(answer.error());
        const std::string text = form.rows(answer->mappings());
        if (!text.empty() && !write(text)) return trouble(exit_failed, "the output is gone");
        if (answer->mappings().next() == cursor && !cursor.empty()) {
            return trouble(exit_failed, "the gateway does not come to an end of its mappings");
        }
        cursor = answer->mappings().next();
    } while (!cursor.empty());
    return {};
}

}  // namespace

Answer<void> list_mappings(const MappingQuery& query, bool json, const Ask& ask,
                           const Write& write) {
    std::unique_ptr<Form> form;
    if (json) {
        form = std::make_unique<JsonForm>();
    } else {
        form = std::make_unique<TextForm>();
    }
    const auto hosts = query.hosts.empty() ? std::vector<std::string>{""} : query.hosts;
    for (const auto& host : hosts) {
        if (auto done = list_host(query, host, *form, ask, write); !done) return done;
    }
    if (!write(form->end())) return trouble(exit_failed, "the output is gone");
    return {};
}

}  // namespace ipref::gw::admin
