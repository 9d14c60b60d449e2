// The fields that a client adds to every request, made once; for HTTP/1.1 ready to be sent.
#pragma once

#include <tandem/http/client_options.hpp>
#include <tandem/http/headers.hpp>

#include <string>
#include <string_view>

namespace tandem::http {

class default_fields {
public:
    explicit default_fields(const client_options& options);

    /// Whether a request with these fields of its own has all of text() beside them, and nothing of it is to
    /// be looked at again: no field is replaced, no body announced, nobody named.
    [[nodiscard]] bool go_with(const headers& own) const noexcept;

    /// All of them, in the order of a request.
    [[nodiscard]] const headers& fields() const noexcept { return fields_; }
    /// The same as what follows Host: lines that are valid, each with its end.
    [[nodiscard]] std::string_view text() const noexcept { return text_; }
    /// Whether codings are offered, in which bodies are taken.
    [[nodiscard]] bool offer_codings() const noexcept { return offer_codings_; }

private:
    headers fields_;
    std::string text_;
    bool offer_codings_ = false;
    bool simple_ = true; // all of them, whatever else the request is
};

} // namespace tandem::http
