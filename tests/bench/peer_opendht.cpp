// tests/bench/peer_opendht.cpp - the same work as bench_dht.c on OpenDHT (Debian's libopendht-dev): N nodes in one
// process on loopback, 512-byte values. Same output lines, system "opendht".
#include <opendht.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <random>
#include <thread>

using Clock = std::chrono::steady_clock;

static double ms_since(Clock::time_point t)
{
    return std::chrono::duration<double, std::milli>(Clock::now() - t).count();
}

static void print(const char *metric, double value, const char *unit)
{
    std::printf("{\"bench\":\"dht\",\"system\":\"opendht\",\"metric\":\"%s\",\"value\":%.3f,\"unit\":\"%s\"}\n", metric, value, unit);
    std::fflush(stdout);
}

static double rss_kb()
{
    unsigned long ignored = 0, pages = 0;
    std::ifstream("/proc/self/statm") >> ignored >> pages;
    return double(pages) * double(sysconf(_SC_PAGESIZE)) / 1000.0;
}

static double cpu_s()
{
    rusage u;
    getrusage(RUSAGE_SELF, &u);
    return double(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + double(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

// Datagrams of the whole machine's loopback: the benchmark runs alone in its network namespace.
static double udp_packets()
{
    std::ifstream f("/proc/net/snmp");
    std::string line;
    double out = 0;
    bool names = true;
    while (std::getline(f, line))
        if (line.rfind("Udp:", 0) == 0) {
            if (!names) {
                double in, no_ports, errors;
                std::sscanf(line.c_str(), "Udp: %lf %lf %lf %lf", &in, &no_ports, &errors, &out);
            }
            names = false;
        }
    return out;
}

struct Swarm {
    std::vector<std::unique_ptr<dht::DhtRunner>> nodes;
    std::vector<dht::InfoHash> keys;
    std::mutex lock;
    std::mt19937_64 rng{42};

    dht::DhtRunner &any()
    {
        std::lock_guard<std::mutex> guard(lock);
        return *nodes[rng() % nodes.size()];
    }
    dht::InfoHash key()
    {
        std::lock_guard<std::mutex> guard(lock);
        return keys[rng() % keys.size()];
    }
};

struct Waiter {
    std::mutex m;
    std::condition_variable c;
    bool done = false;
    void finish()
    {
        std::lock_guard<std::mutex> guard(m);
        done = true;
        c.notify_all();
    }
    bool wait()
    {
        std::unique_lock<std::mutex> guard(m);
        return c.wait_for(guard, std::chrono::seconds(30), [this] { return done; });
    }
};

struct Got {
    double first_ms = -1, done_ms = 0;
};

// The first value ends a get, as it does in ours.
static Got get(Swarm &s)
{
    auto w = std::make_shared<Waiter>();
    auto g = std::make_shared<Got>();
    auto began = Clock::now();
    s.any().get(
        s.key(),
        [g, began](const std::vector<std::shared_ptr<dht::Value>> &) {
            if (g->first_ms < 0)
                g->first_ms = ms_since(began);
            return false;
        },
        [g, w, began](bool) {
            g->done_ms = ms_since(began);
            w->finish();
        });
    w->wait();
    return *g;
}

static double percentile(std::vector<double> v, double p)
{
    std::sort(v.begin(), v.end());
    return v.empty() ? 0 : v[size_t(double(v.size() - 1) * p)];
}

static void wait_joined(Swarm &s)
{
    auto began = Clock::now();
    for (auto &n : s.nodes)
        while (n->getNodesStats(AF_INET).good_nodes < 8 && ms_since(began) < 60000)
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

static void put_all(Swarm &s, size_t keys)
{
    std::vector<double> times;
    double at = udp_packets();
    for (size_t i = 0; i < keys; i++) {
        std::vector<uint8_t> data(512);
        for (auto &b : data)
            b = uint8_t(s.rng());
        auto key = dht::InfoHash::get(data);
        auto w = std::make_shared<Waiter>();
        auto began = Clock::now();
        s.any().put(key, dht::Value(data), [w](bool) { w->finish(); });
        w->wait();
        times.push_back(ms_since(began));
        s.keys.push_back(key);
    }
    print("put_p50", percentile(times, 0.5), "ms");
    print("put_packets", (udp_packets() - at) / double(keys), "packets");
}

static void get_sequential(Swarm &s, size_t count)
{
    std::vector<double> first, done;
    size_t missed = 0;
    double at = udp_packets();
    for (size_t i = 0; i < count; i++) {
        Got g = get(s);
        missed += g.first_ms < 0;
        if (g.first_ms >= 0)
            first.push_back(g.first_ms);
        done.push_back(g.done_ms);
    }
    print("get_p50", percentile(first, 0.5), "ms");
    print("get_p95", percentile(first, 0.95), "ms");
    print("get_done_p50", percentile(done, 0.5), "ms");
    print("get_packets", (udp_packets() - at) / double(count), "packets");
    print("get_missed", 100.0 * double(missed) / double(count), "%");
}

static void get_loaded(Swarm &s, size_t count, unsigned at_once)
{
    std::atomic<long> left{long(count)};
    std::atomic<size_t> missed{0};
    std::vector<std::vector<double>> times(at_once);
    std::vector<std::thread> threads;
    double cpu = cpu_s();
    auto began = Clock::now();
    for (unsigned t = 0; t < at_once; t++)
        threads.emplace_back([&, t] {
            while (left-- > 0) {
                Got g = get(s);
                missed += g.first_ms < 0;
                times[t].push_back(g.done_ms);
            }
        });
    for (auto &t : threads)
        t.join();
    double s_taken = ms_since(began) / 1000;
    std::vector<double> all;
    for (auto &v : times)
        all.insert(all.end(), v.begin(), v.end());
    print("gets_per_second", double(count) / s_taken, "1/s");
    print("gets_cores", (cpu_s() - cpu) / s_taken, "cores");
    print("loaded_get_p50", percentile(all, 0.5), "ms");
    print("loaded_get_p95", percentile(all, 0.95), "ms");
    print("loaded_missed", 100.0 * double(missed) / double(count), "%");
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? std::stoul(argv[1]) : 256;
    double rss = rss_kb();
    Swarm s;
    auto began = Clock::now();
    for (size_t i = 0; i < count; i++) {
        auto node = std::make_unique<dht::DhtRunner>();
        dht::DhtRunner::Config config;
        config.threaded = true;
        config.dht_config.node_config.max_req_per_sec = 0;
        config.dht_config.node_config.max_peer_req_per_sec = 0;
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        config.bind4 = dht::SockAddr((sockaddr *)&v4, sizeof v4);
        node->run(config, {});
        if (i > 0)
            node->bootstrap("127.0.0.1", std::to_string(s.nodes[0]->getBoundPort()));
        s.nodes.push_back(std::move(node));
    }
    wait_joined(s);
    print("join", ms_since(began), "ms");
    std::this_thread::sleep_for(std::chrono::seconds(3));
    print("node_memory_start", (rss_kb() - rss) / double(count), "kB");
    double at = udp_packets();
    std::this_thread::sleep_for(std::chrono::seconds(5));
    print("idle_packets_per_node", (udp_packets() - at) / 5 / double(count), "1/s");
    put_all(s, 100);
    get_loaded(s, count, 16);
    get_sequential(s, 1000);
    get_loaded(s, 4000, 64);
    print("node_memory_end", (rss_kb() - rss) / double(count), "kB");
    std::fflush(stdout);
    _exit(0); // joining 256 threads of nodes is not part of the measurement
}
