// A web server that says hello.
//
//     hello_server 8080       serves http://127.0.0.1:8080 until Ctrl-C
//     hello_server            serves one request of its own and ends
#include <tandem/http/server.hpp>
#include <tandem/tandem.hpp>
