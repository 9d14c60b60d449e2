// The network: HTTP client and server. No Asio, no OpenSSL in here.
#pragma once

#include <tandem/http/client.hpp>
#include <tandem/http/cookie.hpp>
#include <tandem/http/cookie_jar.hpp>
#include <tandem/http/credentials.hpp>
#include <tandem/http/event_source.hpp>
#include <tandem/http/form.hpp>
#include <tandem/http/headers.hpp>
#include <tandem/http/method.hpp>
#include <tandem/http/multipart.hpp>
#include <tandem/http/netrc.hpp>
#include <tandem/http/proxy.hpp>
#include <tandem/http/public_suffix.hpp>
#include <tandem/http/request.hpp>
#include <tandem/http/request_body.hpp>
#include <tandem/http/response.hpp>
#include <tandem/http/response_stream.hpp>
#include <tandem/http/server.hpp>
#include <tandem/http/status.hpp>
#include <tandem/net/address_guard.hpp>
#include <tandem/net/socket_options.hpp>
#include <tandem/net/tls_options.hpp>
#include <tandem/net/url.hpp>
