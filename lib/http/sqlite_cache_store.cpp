#include "tandem/http/sqlite_cache_store.hpp"

#include "lib/http/cache_record.hpp"

#include <tandem/parallelism/offload.hpp>

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

namespace tandem::http {

namespace {

constexpr int version = 1; // of the tables
constexpr int most_variants = 16;
constexpr int patience_ms = 2000; // for another process

// The sum of all sizes is kept in the file, in the same transaction as what it counts, whoever writes: the
// triggers belong to the file. One for INSERT OR REPLACE, which removes what it replaces without asking the
// trigger for removal (as long as these are not recursive).
constexpr const char* tables[] = {
    "CREATE TABLE IF NOT EXISTS responses (key BLOB NOT NULL, variant BLOB NOT NULL, head BLOB NOT NULL, "
    "body BLOB NOT NULL, size INTEGER NOT NULL, used INTEGER NOT NULL, UNIQUE (key, variant))",
    "CREATE INDEX IF NOT EXISTS by_use ON responses (used, size)",
    "CREATE TABLE IF NOT EXISTS total (bytes INTEGER NOT NULL)",
    "INSERT INTO total SELECT (SELECT COALESCE(SUM(size), 0) FROM responses) WHERE NOT EXISTS "
    "(SELECT 1 FROM total)",
    "CREATE TRIGGER IF NOT EXISTS added BEFORE INSERT ON responses BEGIN UPDATE total SET bytes = bytes + "
    "NEW.size - COALESCE((SELECT size FROM responses WHERE key = NEW.key AND variant = NEW.variant), 0); END",
    "CREATE TRIGGER IF NOT EXISTS removed AFTER DELETE ON responses BEGIN UPDATE total SET bytes = bytes - "
    "OLD.size; END",
};

class statement {
public:
    statement(sqlite3* db, const char* sql) : db_(db) {
        if (sqlite3_prepare_v2(db, sql, -1, &made_, nullptr) != SQLITE_OK) fail();
    }
    statement(const statement&) = delete;
    statement& operator=(const statement&) = delete;
    ~statement() { sqlite3_finalize(made_); }

    // The texts must last until the end of the statement.
    statement& text(int at, std::string_view value) {
        return check(sqlite3_bind_text64(made_, at, value.data(), value.size(), SQLITE_STATIC, SQLITE_UTF8));
    }
    statement& blob(int at, std::string_view value) {
        static const char none = 0; // not null: that would be NULL
        const char* const data = value.empty() ? &none : value.data();
        return check(sqlite3_bind_blob64(made_, at, data, value.size(), SQLITE_STATIC));
    }
    statement& number(int at, std::int64_t value) { return check(sqlite3_bind_int64(made_, at, value)); }

    bool row() {
        const int state = sqlite3_step(made_);
        if (state == SQLITE_ROW) return true;
        if (state != SQLITE_DONE) fail();
        return false;
    }
    void run() {
        while (row()) {
        }
    }
    std::string_view bytes(int column) {
        const auto* const data = static_cast<const char*>(sqlite3_column_blob(made_, column));
        const int size = sqlite3_column_bytes(made_, column);
        return data ? std::string_view(data, static_cast<std::size_t>(size)) : std::string_view();
    }
    std::int64_t number_at(int column) { return sqlite3_column_int64(made_, column); }

private:
    statement& check(int state) {
        if (state != SQLITE_OK) fail();
        return *this;
    }
    [[noreturn]] void fail() const {
        throw std::runtime_error(std::string("http::sqlite_cache_store: ") + sqlite3_errmsg(db_));
    }

    sqlite3* db_;
    sqlite3_stmt* made_ = nullptr;
};

} // namespace

class sqlite_cache_store::impl {
public:
    impl(const std::string& path, std::uint64_t max_bytes) : most(max_bytes) {
        // SQLite itself would make it readable by all.
        const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd >= 0) ::close(fd);
        if (sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, nullptr) !=
            SQLITE_OK)
            give_up(path);
        try {
            sqlite3_busy_timeout(db, patience_ms);
            statement(db, "PRAGMA journal_mode=WAL").run();
            statement(db, "PRAGMA synchronous=NORMAL").run();
            statement(db, "PRAGMA recursive_triggers=OFF").run();
            prepare_tables();
            measure();
        } catch (const std::runtime_error&) {
            give_up(path);
        }
    }
    impl(const impl&) = delete;
    impl& operator=(const impl&) = delete;
    ~impl() { sqlite3_close_v2(db); }

    entries find(const std::string& key) {
        const std::lock_guard lock(mutex);
        entries found;
        {
            statement select(db, "SELECT variant, head, body FROM responses WHERE key = ? ORDER BY used");
            select.blob(1, key);
            while (select.row()) {
                auto read = read_record(select.bytes(1));
                if (!read) continue;
                read->variant = select.bytes(0);
                read->body = select.bytes(2);
                found.push_back(std::make_shared<const cached_response>(std::move(*read)));
            }
        }
        if (!found.empty()) {
            statement touch(db,
                            "UPDATE responses SET used = (SELECT COALESCE(MAX(used), 0) + 1 FROM responses) "
                            "WHERE key = ?");
            touch.blob(1, key).run();
        }
        return found;
    }

    void put(const std::string& key, const cached_response& what) {
        const std::lock_guard lock(mutex);
        const std::string head = write_record(what);
        const std::uint64_t size = what.bytes() + key.size();
        if (size > most) return remove_one(key, what.variant);
        transaction all(db);
        statement insert(db, "INSERT OR REPLACE INTO responses (key, variant, head, body, size, used) "
                             "VALUES (?, ?, ?, ?, ?, (SELECT COALESCE(MAX(used), 0) + 1 FROM responses))");
        insert.blob(1, key).blob(2, what.variant).blob(3, head).blob(4, what.body);
        insert.number(5, static_cast<std::int64_t>(size)).run();
        statement bound(db, "DELETE FROM responses WHERE key = ?1 AND variant NOT IN (SELECT variant FROM "
                            "responses WHERE key = ?1 ORDER BY used DESC LIMIT ?2)");
        bound.blob(1, key).number(2, most_variants).run();
        measure();
        while (total > most) {
            statement(db, "DELETE FROM responses WHERE rowid IN (SELECT rowid FROM responses ORDER BY used "
                          "LIMIT 1)")
                .run();
            // Nothing to remove, and still too much: the total has been tampered with.
            if (sqlite3_changes(db) == 0) statement(db, "UPDATE total SET bytes = 0").run();
            measure();
        }
        all.commit();
    }

    void remove(const std::string& key) {
        const std::lock_guard lock(mutex);
        statement(db, "DELETE FROM responses WHERE key = ?").blob(1, key).run();
        measure();
    }

    std::uint64_t bytes() const {
        const std::lock_guard lock(mutex);
        return total;
    }

private:
    // Undone when it is not committed.
    class transaction {
    public:
        explicit transaction(sqlite3* of) : db_(of) { statement(db_, "BEGIN IMMEDIATE").run(); }
        transaction(const transaction&) = delete;
        transaction& operator=(const transaction&) = delete;
        ~transaction() {
            if (!done_) sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
        }
        void commit() {
            statement(db_, "COMMIT").run();
            done_ = true;
        }

    private:
        sqlite3* db_;
        bool done_ = false;
    };

    void prepare_tables() {
        transaction all(db);
        std::int64_t found = 0;
        {
            statement asked(db, "PRAGMA user_version");
            if (asked.row()) found = asked.number_at(0);
        }
        if (found != version) {
            statement(db, "DROP TABLE IF EXISTS responses").run(); // its triggers go with it
            statement(db, "DROP TABLE IF EXISTS total").run();
            statement(db, ("PRAGMA user_version = " + std::to_string(version)).c_str()).run();
        }
        for (const char* const sql : tables)
            statement(db, sql).run();
        all.commit();
    }

    void remove_one(const std::string& key, const std::string& variant) {
        statement(db, "DELETE FROM responses WHERE key = ? AND variant = ?")
            .blob(1, key)
            .blob(2, variant)
            .run();
        measure();
    }

    // Other processes write, too.
    void measure() {
        statement sum(db, "SELECT bytes FROM total");
        total = sum.row() ? static_cast<std::uint64_t>(std::max<std::int64_t>(sum.number_at(0), 0)) : 0;
    }

    [[noreturn]] void give_up(const std::string& path) {
        const std::string why = db ? sqlite3_errmsg(db) : "out of memory";
        sqlite3_close_v2(db);
        db = nullptr;
        throw std::runtime_error("http::sqlite_cache_store: " + path + ": " + why);
    }

    sqlite3* db = nullptr;
    mutable std::mutex mutex; // on the pool only, but for bytes()
    const std::uint64_t most;
    std::uint64_t total = 0;
};

sqlite_cache_store::sqlite_cache_store(std::string path, std::uint64_t max_bytes)
    : impl_(std::make_shared<impl>(path, max_bytes)) {}
sqlite_cache_store::~sqlite_cache_store() = default;

task<cache_store::entries> sqlite_cache_store::find(std::string key) {
    const std::shared_ptr<impl> held = impl_;
    const auto work = [](impl* of, const std::string& k) { return of->find(k); };
    co_return co_await offload(work, held.get(), std::move(key));
}

task<> sqlite_cache_store::put(std::string key, std::shared_ptr<const cached_response> what) {
    const std::shared_ptr<impl> held = impl_;
    const auto work = [](impl* of, const std::string& k, const std::shared_ptr<const cached_response>& one) {
        of->put(k, *one);
    };
    co_await offload(work, held.get(), std::move(key), std::move(what));
}

task<> sqlite_cache_store::remove(std::string key) {
    const std::shared_ptr<impl> held = impl_;
    const auto work = [](impl* of, const std::string& k) { of->remove(k); };
    co_await offload(work, held.get(), std::move(key));
}

std::uint64_t sqlite_cache_store::bytes() const {
    return impl_->bytes();
}

} // namespace tandem::http
