#include "examples/crawler/page_record.hpp"

#include "examples/crawler/json.hpp"

namespace crawler {

std::string to_json(const page_record& page) {
    json_writer json;
    json.begin_object();
    json.key("url").string(page.url);
    json.key("final_url").string(page.final_url);
    json.key("status").number(static_cast<std::uint64_t>(page.status));
    json.key("content_type").string(page.content_type);
    json.key("bytes").number(page.bytes);
    json.key("title").string(page.title);
    json.key("depth").number(static_cast<std::uint64_t>(page.depth));
    json.key("referrer").string(page.referrer);
    json.key("links").number(static_cast<std::uint64_t>(page.links));
    json.key("fetch_ms").number(page.fetch_ms);
    json.key("parse_ms").number(page.parse_ms);
    json.key("error").string(page.error);
    json.end_object();
    return json.take();
}

} // namespace crawler
