// The odd corners of the demonstration site. Each block plans a page together with every address that it
// makes known, so that what a correct crawler fetches can be read off here.
#include "examples/crawler/demo_site.hpp"

#include <string_view>

namespace crawler {

using namespace std::string_view_literals;

namespace {

std::string as_utf16le(std::string_view ascii_text) {
    std::string out = "\xFF\xFE";
    for (const char c : ascii_text) {
        out += c;
        out += '\0';
    }
    return out;
}

std::string document(std::string_view title, std::string_view body) {
    std::string s = "<!DOCTYPE html>\n<html>\n<head><title>";
    s += title;
    s += "</title></head>\n<body>\n";
    s += body;
    s += "\n</body>\n</html>\n";
    return s;
}

} // namespace

void demo_site::add_html(std::string target, std::string body, reach by) {
    add(std::move(target), 200, by).body = std::move(body);
}

// A page without links, of a realistic size.
void demo_site::add_leaf(std::string target, reach by) {
    resource& r = add(std::move(target), 200, by);
    r.body = "<!DOCTYPE html>\n<title>A leaf</title>\n";
    r.padded = true;
}

void demo_site::plan_specials() {
    // /robots.txt itself is never expected: it is fetched beside the crawl. The longest match opens one
    // private page.
    resource& robots = add("/robots.txt", 200, reach::nobody);
    robots.content_type = "text/plain";
    robots.body = "# The demonstration site\r\nUser-agent: *\r\nDisallow: /private/ # nobody\r\nAllow: "
                  "/private/open\r\n"
                  "Disallow: /*.cgi$\r\nDisallow:\r\n\r\nUser-agent: greedy-bot\r\nDisallow: /\r\n"
                  "Sitemap: http://" +
                  options_.authority + "/sitemap.xml\r\n";

    add_html("/odd/", document("Odd corners", R"(<p id=top>Each of these trips some crawler.</p>
<a href=base.html>base</a> <a href='entities.html'>references</a> <A HREF="rel/a.html">relative</A>
<a href="canonical.html?ref=odd">canonical</a> <a href="frame.html">frame</a> <a href="refresh.html">refresh</a>
<a href="redirects.html">redirects</a> <a href="errors.html">errors</a> <a href="robots.html">robots</a>
<a href="assets.html">assets</a> <a href="encodings.html">encodings</a> <a href="traps.html">traps</a>
<a href="xhtml.html">XHTML</a> <a href="?">self?</a> <a href="#top">top</a> <a href="">self</a>)"));
    add_html("/odd/?", document("Odd corners, with an empty query", "<a href='/odd/'>back</a>"));

    // The base applies to the whole page, links before it included; without it these are traps.
    add_html("/odd/base.html", "<!DOCTYPE html><link rel=next href='early.html'><base href=\"/odd/based/\">"
                               "<base href=\"/trap/\"><title>Base</title><a href=\"leaf.html\">leaf</a> "
                               "<a href='../based/deep/leaf.html'>deep</a>");
    add_leaf("/odd/based/early.html");
    add_leaf("/odd/based/leaf.html");
    add_leaf("/odd/based/deep/leaf.html");

    add_html("/odd/entities.html",
             document("R&eacute;f&eacute;rences &amp; more",
                      "<a href=\"query?a=1&amp;b=2\">a</a> <a href=\"caf&eacute;.html\">b</a> "
                      "<a href='&#x2F;odd/num&#101;ric.html'>c</a> <a href='query?x=1&copy=2'>d</a>"));
    add_leaf("/odd/query?a=1&b=2");
    add_leaf("/odd/caf%C3%A9.html");
    add_leaf("/odd/numeric.html");
    add_leaf("/odd/query?x=1&copy=2");

    add_html("/odd/rel/a.html",
             document("Relative",
                      "<a href='?page=2'>2</a> <a href=\"../up.html\">up</a> <a href='./same.html'>s</a> "
                      "<a href='../../odd/rel/twice.html'>t</a> <a href='b.html#frag'>b</a> "
                      "<a href='b.html#other'>b again</a> <a href='//" +
                          options_.authority +
                          "/odd/rel/host.html'>h</a> <a href=\"\tsp\naces.html \">w</a> "
                          "<a href='../../../../../odd/rel/root.html'>r</a> "
                          "<a href='javascript:void(0)'>j</a> <a href='tel:1'>t</a>"));
    add_html("/odd/rel/a.html?page=2", document("Relative, page 2", "<a href='?page=3'>3</a>"));
    add_html("/odd/rel/a.html?page=3", document("Relative, page 3", "<a href='a.html'>1</a>"));
    for (const char* path : {"/odd/up.html", "/odd/rel/same.html", "/odd/rel/twice.html", "/odd/rel/b.html",
                             "/odd/rel/host.html", "/odd/rel/spaces.html", "/odd/rel/root.html"})
        add_leaf(path);

    add_html("/odd/canonical.html?ref=odd",
             "<!DOCTYPE html><title>C</title><link rel=\"canonical\" "
             "href=\"/odd/canonical.html\"><p>The same page by another name.</p>");
    add_leaf("/odd/canonical.html");

    add_html("/odd/frame.html",
             document("Frame", "<iframe src=\"framed.html\"><a href='/trap/iframe'>x</a></iframe>"
                               "<map><area href='area.html'></map>"));
    add_leaf("/odd/framed.html");
    add_leaf("/odd/area.html");
    add_html("/odd/refresh.html",
             "<!DOCTYPE html><title>Refresh</title><meta http-equiv=\"Refresh\" "
             "content=\" 5 ; URL = 'refreshed.html' \"><meta http-equiv=refresh content='3'>");
    add_leaf("/odd/refreshed.html");

    // Redirects: one of each code, a chain of three, a loop, one by a full address, one into a disallowed
    // path.
    std::string links;
    const auto redirect = [&](const std::string& from, int status, std::string to) {
        add(from, status).location = std::move(to);
    };
    for (const int status : {301, 302, 303, 307, 308}) {
        const std::string code = std::to_string(status);
        redirect("/r/" + code, status, "/odd/target-" + code + ".html");
        add_leaf("/odd/target-" + code + ".html");
        links += "<a href='/r/" + code + "'>" + code + "</a> ";
    }
    redirect("/r/chain-1", 301, "chain-2");
    redirect("/r/chain-2", 302, "http://" + options_.authority + "/r/chain-3");
    redirect("/r/chain-3", 307, "/odd/chain-end.html#here");
    add_leaf("/odd/chain-end.html");
    redirect("/r/loop-a", 302, "/r/loop-b");
    redirect("/r/loop-b", 302, "/r/loop-a");
    redirect("/r/private", 302, "/private/redirected.html");
    add_leaf("/private/redirected.html", reach::only_rude);
    redirect("/r/away", 302, "http://elsewhere.example/");
    add_html("/odd/redirects.html",
             document("Redirects", links + "<a href=/r/chain-1>chain</a> <a href=/r/loop-a>loop</a> "
                                           "<a href=/r/private>private</a> <a href=/r/away>away</a>"));

    add_html("/odd/errors.html",
             document("Errors", "<a href='/missing.html'>404</a> <a href='/gone.html'>410</a> "
                                "<a href='/broken.html'>500</a>"));
    // Links on an error page are not followed.
    const std::string error_body = document("Error", "<a href='/trap/error'>x</a>");
    add("/missing.html", 404).body = error_body;
    add("/gone.html", 410).body = error_body;
    add("/broken.html", 500).body = error_body;

    add_html("/odd/robots.html",
             document("Robots",
                      "<a rel=\"external NoFollow\" href='/nofollow/link.html'>nofollow</a> "
                      "<a href='meta-nofollow.html'>meta</a> <a href='/private/secret.html'>private</a> "
                      "<a href='/%70rivate/encoded.html'>encoded</a> <a href='/private/open.html'>open</a> "
                      "<a href='/tool.cgi'>cgi</a> <a href='/tool.cgi?x'>cgi with query</a>"));
    add_leaf("/nofollow/link.html", reach::only_rude);
    add_html("/odd/meta-nofollow.html",
             "<!DOCTYPE html><title>N</title><meta name=\"ROBOTS\" "
             "content=\"noarchive, NoFollow\"><a href='/nofollow/meta.html'>x</a>");
    add_leaf("/nofollow/meta.html", reach::only_rude);
    add_leaf("/private/secret.html", reach::only_rude);
    add_leaf("/%70rivate/encoded.html",
             reach::only_rude); // a URL keeps this escape; robots.txt sees through it
    add_leaf("/private/open.html");
    add_leaf("/tool.cgi", reach::only_rude);
    add_leaf("/tool.cgi?x");

    add_html("/odd/assets.html",
             document("Assets", "<a href='/assets/style.css'>CSS</a> "
                                "<a href=/assets/pixel.png>PNG</a> <img src='/trap/image.png'>"));
    resource& css = add("/assets/style.css");
    css.content_type = "text/css";
    css.body =
        "body { font: 16px/1.5 sans-serif; background: url('/trap/css.png') }\n/* <a href='/trap/css'> */\n";
    resource& png = add("/assets/pixel.png");
    png.content_type = "image/png";
    png.body =
        "\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\10\0\0\0\0\x3A\x7E\x9B\x55\0\0\0\nIDAT\x78\x9C\x63\x60"
        "\0\0\0\2\0\1\x48\xAF\xA4\x71\0\0\0\0IEND\xAE\x42\x60\x82<a href='/trap/png'>"sv;

    add_html("/odd/encodings.html",
             document("Encodings", "<a href=latin1.html>1252</a> <a href=utf16.html>16</a> "
                                   "<a href=sjis.html>Shift_JIS</a>"));
    resource& latin = add("/odd/latin1.html");
    latin.content_type = "Text/HTML; Charset=\"ISO-8859-1\"";
    latin.body = document("Caf\xE9 \x80 1", "<a href='/odd/cr\xE8me.html'>cr\xE8me</a>");
    add_leaf("/odd/cr%C3%A8me.html");
    resource& utf16 = add("/odd/utf16.html");
    utf16.content_type = "text/html";
    utf16.body = as_utf16le(document("Sixteen bits", "<a href=utf16-leaf.html>leaf</a>"));
    add_leaf("/odd/utf16-leaf.html");
    resource& sjis = add("/odd/sjis.html");
    sjis.content_type = "text/html";
    // Katakana; the second octet of the first one is a backslash, and of the third a '['.
    sjis.body = "<!DOCTYPE html><meta http-equiv=content-type content='text/html; charset=Shift_JIS'>"
                "<title>\x83\x5C\x83\x74\x81\x5B</title><a href=\"\x83\x5C.html\">\x83\x5C</a>";
    add_leaf("/odd/%E3%82%BD.html");

    resource& xhtml = add("/odd/xhtml.html");
    xhtml.content_type = "application/xhtml+xml";
    xhtml.body = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n<!DOCTYPE html PUBLIC "
                 "\"-//W3C//DTD XHTML "
                 "1.0 Transitional//EN\" \"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">"
                 "<html xmlns=\"http://www.w3.org/1999/xhtml\"><head><title>XHTML</title></head><body><a "
                 "id=\"a\"/><a href=\"xhtml-leaf.html\">leaf</a><br/></body></html>";
    add_leaf("/odd/xhtml-leaf.html");

    add_html(
        "/odd/traps.html",
        document("Traps",
                 "<!-- <a href='/trap/comment'> -->\n<script>var s = \"<a href='/trap/script'>\";</script>\n"
                 "<style>/* <a href='/trap/style'> */</style>\n<textarea><a href='/trap/textarea'>x</a>"
                 "</textarea>\n<template><a href='/trap/template'>x</a></template>\n"
                 "<p title=\"<a href='/trap/attribute'>\">no link</p> &lt;a href='/trap/text'&gt;\n"
                 "<noscript><a href='after-traps.html'>seen without scripts</a></noscript>"));
    add_leaf("/odd/after-traps.html");
}

} // namespace crawler
