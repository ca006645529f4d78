// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/program.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <sstream>
#include <utility>

#include "common/run/descriptors.h"
#include "common/run/listen_fds.h"
#include "common/run/log_gathering.h"
#include "common/run/notify.h"
#include "common/run/sandbox.h"
#include "common/run/version.h"
#include "resolver/background_load.h"
#include "resolver/explain.h"
#include "resolver/reloader.h"
#include "resolver/server/endpoints.h"
#include "resolver/server/server.h"

namespace ipref::resolver {

namespace {

constexpr run::Milliseconds kPatience(5000);
constexpr int kBadConfig = 1;
constexpr int kInvalid = 2;
constexpr int kForced = 2;

void complain(std::string_view text) {
    std::fflush(stdout);
    fmt::print(stderr, "{}\n", text);
}

/// Why it does not start: for people, or a line of the log for programs that read it.
void give_up(const ProgramOptions& options, std::string_view text) {
    if (options.log_format != "json") return complain(text);
    run::log_line(run::Severity::fatal, text);
}

void print_version() {
    utsname machine{};
    uname(&machine);
    fmt::print("ipref-coredns-{}, in place of CoreDNS-1.12.1\nlinux/{}, C++20, {}\n", run::kRelease,
               machine.machine, run::kCommit);
}

void print_plugins() {
    fmt::print("Plugins:\n");
    for (const auto& row : plugin_order()) {
        if (row.setup != nullptr) fmt::print("  dns.{}\n", row.name);
    }
    fmt::print("Known to CoreDNS, not built in:\n");
    for (const auto& row : plugin_order()) {
        if (row.setup == nullptr) fmt::print("  dns.{}: {}\n", row.name, row.why);
    }
}

/// Where the configuration comes from, read anew at each reload, on a thread of its own.
class Source {
  public:
    explicit Source(const ProgramOptions& options)
        : options_{.dns_port = static_cast<uint16_t>(options.dns_port),
                   .lenient = options.lenient} {
        if (options.conf == "stdin") {
            options_.name = "stdin";
            text_ = std::string(std::istreambuf_iterator<char>(std::cin), {});
        } else if (!options.conf.empty()) {
            options_.name = options.conf;
        } else if (!std::filesystem::exists(options_.name)) {
            text_ = std::string();  // the default
        }
    }

    Result<std::shared_ptr<Config>> load() const {
        const auto text = read();
        if (!text) return tl::unexpected(text.error());
        std::vector<std::string> files;
        if (!text_) files.push_back(options_.name);
        auto options = options_;
        options.sources.read = [&](const std::string& path) {
            files.push_back(path);
            return options_.sources.read(path);
        };
        auto config = load_config(*text, options);
        if (config) (*config)->files = std::move(files);
        return config;
    }
    /// Of the Corefile as it is now, as Config::text; or what is wrong with it.
    std::string version() const {
        const auto text = read();
        if (!text) return text.error().text;
        auto all = config_text(*text, options_);
        return all ? std::move(*all) : all.error().text;
    }
    run::Metrics& metrics() const { return *options_.metrics; }

  private:
    Result<std::string> read() const {
        if (text_) return *text_;
        auto text = options_.sources.read(options_.name);
        if (!text) return fail("{}; name the Corefile with -conf FILE", text.error().text);
        return text;
    }

    ConfigOptions options_;
    std::optional<std::string> text_;
};

/// What the service manager has made for the server to write to: systemd.exec(5), StateDirectory=.
std::vector<std::string> state_directories() {
    const char* text = std::getenv("STATE_DIRECTORY");
    std::istringstream in(text == nullptr ? "" : text);
    std::vector<std::string> out;
    for (std::string one; std::getline(in, one, ':');) out.push_back(one);
    return out;
}

/// The running server and its signals.
class Program {
  public:
    Program(const ProgramOptions& options, const Source& source)
        : options_(options),
          source_(source),
          server_(loop_, [this] { return bound(); }),
          endpoints_(loop_),
          loading_(
              loop_, [&source] { return source.load(); },
              [this](auto config) { loaded(std::move(config)); }),
          reloader_(loop_, source.metrics(), [this] { look(); }),
          lameduck_(loop_, [this] { stop_server(); }),
          watchdog_(loop_, [this] { watch(); }) {
        on(SIGUSR1, [this] { reload(); });
        on(SIGTERM, [this] { stop("SIGTERM"); });
        on(SIGINT, [this] { interrupt(); });
        on(SIGQUIT, [] { std::_Exit(0); });
        on(SIGHUP, [] {});
        on(SIGUSR2, [] {
            run::log_warning(
                "SIGUSR2: this server does not hand its sockets to a new program; "
                "restart it instead");
        });
        std::signal(SIGPIPE, SIG_IGN);
    }

    int run(const std::shared_ptr<Config>& config) {
        writable_ = state_directories();
        std::ranges::copy(config->process.writable, std::back_inserter(writable_));
        std::erase_if(writable_,
                      [](const auto& one) { return !std::filesystem::is_directory(one); });
        auto inherited = InheritedSockets::from(run::take_listen_fds());
        if (inherited) server_.inherit(std::move(*inherited));
        const auto used = inherited ? use(config) : tl::unexpected(inherited.error());
        if (!used) {
            give_up(options_, used.error().text);
            return kBadConfig;
        }
        if (!options_.quiet) announce(*config);
        tell_unused();
        run::notify("READY=1");
        if (const auto period = run::watchdog_period()) watchdog_.start(*period, *period);
        loop_.run();
        return status_;
    }

  private:
    void on(int number, run::Signal::Callback callback) {
        signals_.push_back(std::make_unique<run::Signal>(loop_, number, std::move(callback)));
    }

    /// The first configuration has its sockets: what needs privileges is done.
    Result<void> bound() {
        if (std::exchange(bound_, true)) return {};
        if (!options_.pidfile.empty()) {
            std::ofstream file(options_.pidfile);
            file << getpid() << "\n";
            if (!file.flush()) return fail("-pidfile {}: cannot be written", options_.pidfile);
        }
        if (!options_.no_sandbox) run::confine_and_log({.writable = std::move(writable_)});
        return {};
    }

    /// Of the sockets that the service manager has opened.
    void tell_unused() const {
        for (const auto& [kind, at] : server_.inherited().all()) {
            const auto listens = [&](const auto& listener) { return listener.first.at == at; };
            if (std::ranges::any_of(server_.config()->listeners, listens)) continue;
            run::log_warning(
                "the service manager has opened {} for us, but no server block listens there: "
                "its queries wait in vain; name it in a `bind`, or take it out of the .socket unit",
                at.str());
        }
    }

    /// All workers feed the watchdog: one that hangs starves it.
    void watch() {
        if (server_.all_alive()) run::notify("WATCHDOG=1");
    }

    Result<void> use(const std::shared_ptr<Config>& config) {
        auto opened = endpoints_.open(*config);
        if (!opened) return tl::unexpected(opened.error());
        if (auto used = server_.use(config); !used) return used;
        endpoints_.use(std::move(*opened), config);
        reloader_.in_use(config->process.reload, config->files, config->text);
        tried_ = config->text;
        lameduck_for_ = std::chrono::ceil<run::Milliseconds>(config->process.lameduck);
        configure(*config);
        for (const auto& warning : config->warnings) run::log_warning("{}", warning);
        return {};
    }

    void configure(const Config& config) const {
        const auto format = run::parse_log_format(options_.log_format, run::LogFormat::bracket);
        bool debug = false;
        for (const auto& block : config.blocks) debug |= block->settings.debug;
        run::configure_log(
            {.format = *format, .debug = debug ? run::kAllTopics : 0, .to_stdout = true});
    }

    void announce(const Config& config) const {
        if (options_.log_format == "json") {
            for (const auto& line : config.zone_lines) run::log_info("serving {}", line);
            return run::log_info("ipref-coredns-{} ({})", run::kRelease, run::kCommit);
        }
        run::flush_log();  // came before
        for (const auto& line : config.zone_lines) fmt::print("{}\n", line);
        print_version();
        std::fflush(stdout);
    }

    /// Plugin reload: whether the files say something else than at the last try.
    void look() {
        auto version = source_.version();
        if (stopping_ || version == tried_) return;
        tried_ = std::move(version);
        reload();
    }

    void reload() {
        if (stopping_) return;
        run::log_info("Reloading");
        run::notify_reloading();
        loading_.start();
    }

    /// Of a reload.
    void loaded(BackgroundLoad::Loaded config) {
        if (stopping_) return;
        const auto used = config ? use(*config) : Result<void>(tl::unexpected(config.error()));
        if (used) {
            if (!options_.quiet) announce(**config);
            run::log_info("Reloading complete");
        } else {
            run::log_error("Reload failed, the old configuration stays: {}", used.error().text);
            reloader_.failed();
        }
        run::notify("READY=1");
    }

    void interrupt() {
        if (stopping_) {
            run::flush_log();
            std::_Exit(kForced);
        }
        stop("SIGINT");
    }

    void stop(std::string_view signal) {
        if (stopping_) return;
        stopping_ = true;
        run::notify("STOPPING=1");
        run::log_info("{}: Shutting down servers then terminating", signal);
        endpoints_.ending();
        if (lameduck_for_ <= run::Milliseconds(0)) return stop_server();
        run::log_info("plugin/health: Going into lameduck mode for {}",
                      duration_text(lameduck_for_));
        lameduck_.start(lameduck_for_);
    }

    void stop_server() {
        server_.stop(kPatience, [this] { loop_.stop(); });
    }

    const ProgramOptions& options_;
    const Source& source_;
    run::Loop loop_;
    run::LogGathering lines_{loop_};
    Server server_;
    Endpoints endpoints_;
    BackgroundLoad loading_;
    Reloader reloader_;
    run::Timer lameduck_;
    run::Timer watchdog_;
    run::Milliseconds lameduck_for_{0};
    std::string tried_;  // of the configuration that was loaded last, or failed to be
    std::vector<std::unique_ptr<run::Signal>> signals_;
    std::vector<std::string> writable_;  // by the service manager and the first configuration
    bool bound_ = false;
    bool stopping_ = false;
    int status_ = 0;
};

int validate(const Source& source) {
    const auto config = source.load();
    if (!config) {
        complain(config.error().text);
        return kInvalid;
    }
    for (const auto& warning : (*config)->warnings) fmt::print("Warning: {}\n", warning);
    for (const auto& line : (*config)->zone_lines) fmt::print("{}\n", line);
    fmt::print("The configuration is valid\n");
    return 0;
}

int explain(const Source& source, const std::string& name, const std::string& type) {
    const auto config = source.load();
    const auto text = config ? explain_query(**config, name, type)
                             : Result<std::string>(tl::unexpected(config.error()));
    if (!text) {
        complain(text.error().text);
        return kInvalid;
    }
    fmt::print("{}", *text);
    return 0;
}

}  // namespace

run::Flags program_flags(ProgramOptions& options) {
    run::Flags flags("ipref-coredns", "[options]",
                     "A DNS server that reads CoreDNS's configuration files, with the plugin that "
                     "gives names of other IPREF sites their encoded addresses.");
    flags.text("conf", "FILE", options.conf,
               "Corefile to load, or stdin. Default: ./Corefile if it is there, else a server on "
               "port 53 with whoami and log.");
    flags.number("dns.port", options.dns_port, 1, 65535, "Port of zones that name none.");
    flags.number("p", options.dns_port, 1, 65535, "The same as -dns.port.");
    flags.text("pidfile", "FILE", options.pidfile, "Write the process id there.");
    flags.boolean("plugins", options.plugins, "List the plugins and end.");
    flags.boolean("quiet", options.quiet, "Print no zones and no version at start.");
    flags.boolean("version", options.version, "Print the version and end.");
    flags.boolean("lenient", options.lenient,
                  "Plugins of CoreDNS that are not built in are left out, with a warning.");
    flags.boolean("validate", options.validate,
                  "Read the Corefile and everything it names, bind nothing, and end: status 0 if "
                  "it is good, 2 with file, line and column if not.");
    flags.text("explain", "NAME TYPE", options.explain,
               "Print the server block and the plugins that a query would meet, and end.");
    flags.boolean("no-sandbox", options.no_sandbox,
                  "Keep all privileges after the start; for debugging, and for reloads that add "
                  "listeners on ports below 1024.");
    flags.text("log-format", "text|json", options.log_format, "How lines are logged.");
    return flags;
}

int run_program(const std::vector<std::string>& arguments) {
    ProgramOptions options;
    const auto flags = program_flags(options);
    auto parsed = flags.parse(arguments);
    std::string type;
    if (parsed && !options.explain.empty() && !parsed->rest.empty()) {
        type = parsed->rest.front();
        parsed = flags.parse({parsed->rest.begin() + 1, parsed->rest.end()});
    }
    if (!parsed) {
        complain(parsed.error().text);
        return kBadConfig;
    }
    if (parsed->help) {
        fmt::print("{}", flags.usage());
        return 0;
    }
    if (!parsed->rest.empty()) {
        complain(fmt::format("extra command line arguments: {}", fmt::join(parsed->rest, " ")));
        return kBadConfig;
    }
    const auto format = run::parse_log_format(options.log_format, run::LogFormat::bracket);
    if (!format) {
        complain("option -log-format: " + format.error().text);
        return kBadConfig;
    }
    run::configure_log({.format = *format, .to_stdout = true});
    if (options.version) return print_version(), 0;
    if (options.plugins) return print_plugins(), 0;
    const Source source(options);
    if (options.validate) return validate(source);
    if (!options.explain.empty()) return explain(source, options.explain, type);
    auto config = source.load();
    if (!config) {
        give_up(options, config.error().text);
        return kBadConfig;
    }
    // Plugins ask other servers, each query from a socket of its own.
    run::raise_descriptor_limit();
    return Program(options, source).run(*config);
}

}  // namespace ipref::resolver
