// A program of another project that links tandem::http; it opens no connection.
#include <tandem/http.hpp>
#include <tandem/tandem.hpp>

tandem::task<int> make_a_client() {
    tandem::http::client web;
    co_return 0;
}

int main() {
    return tandem::run(make_a_client);
}
