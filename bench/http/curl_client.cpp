// libcurl's multi interface: one handle for each request in flight, used again and again.
#include "bench/http/job.hpp"

#ifdef TANDEM_BENCH_CURL

#include <curl/curl.h>

namespace bench {

namespace {

class transfer {
public:
    CURL* easy = nullptr;
    double begun = 0;
    std::size_t received = 0;
};

std::size_t take(char*, std::size_t size, std::size_t count, void* to) {
    static_cast<transfer*>(to)->received += size * count;
    return size * count;
}

class load {
public:
    explicit load(const job& what) : what_(what), multi_(curl_multi_init()), transfers_(what.in_flight) {
        curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(what.in_flight));
        for (transfer& t : transfers_) {
            t.easy = curl_easy_init();
            curl_easy_setopt(t.easy, CURLOPT_URL, what.url.c_str());
            curl_easy_setopt(t.easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
            curl_easy_setopt(t.easy, CURLOPT_WRITEFUNCTION, &take);
            curl_easy_setopt(t.easy, CURLOPT_WRITEDATA, &t);
            curl_easy_setopt(t.easy, CURLOPT_PRIVATE, &t);
            curl_easy_setopt(t.easy, CURLOPT_NOSIGNAL, 1L);
            if (what.tls()) curl_easy_setopt(t.easy, CURLOPT_CAINFO, what.ca_file.c_str());
            if (what.new_connections) {
                curl_easy_setopt(t.easy, CURLOPT_FRESH_CONNECT, 1L);
                curl_easy_setopt(t.easy, CURLOPT_FORBID_REUSE, 1L);
            }
        }
    }

    void run(std::size_t requests, measurement& notes) {
        to_begin_ = requests;
        std::size_t to_end = requests;
        for (transfer& t : transfers_)
            begin(t);
        while (to_end != 0) {
            int running = 0;
            curl_multi_perform(multi_, &running);
            int queued = 0;
            while (CURLMsg* const message = curl_multi_info_read(multi_, &queued)) {
                if (message->msg != CURLMSG_DONE) continue;
                transfer* t = nullptr;
                long status = 0;
                CURL* const easy = message->easy_handle;
                const CURLcode result = message->data.result;
                curl_easy_getinfo(easy, CURLINFO_PRIVATE, &t);
                curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
                if (result != CURLE_OK || status != 200 || t->received != what_.body_bytes)
                    die(std::string("libcurl: ") + curl_easy_strerror(result));
                notes.note_ns(wall_ns() - t->begun);
                --to_end;
                curl_multi_remove_handle(multi_, easy);
                begin(*t);
            }
            if (to_end != 0) curl_multi_poll(multi_, nullptr, 0, 1000, nullptr);
        }
    }

private:
    void begin(transfer& t) {
        if (to_begin_ == 0) return;
        --to_begin_;
        t.received = 0;
        t.begun = wall_ns();
        curl_multi_add_handle(multi_, t.easy);
    }

    const job& what_;
    CURLM* multi_;
    std::vector<transfer> transfers_;
    std::size_t to_begin_ = 0;
};

} // namespace

int run_curl_client(const job& what) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    measurement notes;
    load requests(what);
    requests.run(what.warm_up(), notes);
    notes.begin();
    requests.run(what.requests, notes);
    notes.end(what.requests);
    return 0;
}

} // namespace bench

#else

int bench::run_curl_client(const job&) {
    die("built without libcurl");
}

#endif
