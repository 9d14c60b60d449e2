#!/usr/bin/env python3
"""What h11 reads in messages: for tests/http/h11_difference_test.cpp.

    h11_oracle.py request|response < messages > readings

A line of the input is one message in hexadecimal. A line of the output, fields separated by tabs:
    ok  <status, or method and target>  <fields>  <body>  <trailers>  <number of bytes left over>
    more                                 not at an end: more bytes are wanted
    error  <what h11 says>
Fields are "name=value\n" each; texts are in hexadecimal."""
import sys

import h11


def as_text(headers):
    return b"".join(bytes(name) + b"=" + bytes(value) + b"\n" for name, value in headers)


def read(kind, message):
    if kind == "response":
        connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
        connection.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
        connection.send(h11.EndOfMessage())
    else:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    begin, fields, body, trailers = b"", b"", b"", b""
    ended = False
    try:
        connection.receive_data(message)
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                if ended or kind == "request":
                    return "more"
                ended = True
                connection.receive_data(b"")
            elif event is h11.PAUSED:
                return "more"
            elif type(event) is h11.Request:
                begin, fields = event.method + b" " + event.target, as_text(event.headers)
            elif type(event) is h11.Response:
                begin, fields = str(event.status_code).encode(), as_text(event.headers)
            elif type(event) is h11.InformationalResponse:
                if event.status_code == 101:
                    return "error\t101"
            elif type(event) is h11.Data:
                body += bytes(event.data)
            elif type(event) is h11.EndOfMessage:
                trailers = as_text(event.headers)
                break
            else:
                return "error\tclosed"
    except h11.RemoteProtocolError as failure:
        return "error\t" + str(failure).replace("\t", " ").replace("\n", " ")
    left, _ = connection.trailing_data
    return "\t".join(["ok", begin.hex(), fields.hex(), body.hex(), trailers.hex(), str(len(left))])


kind = sys.argv[1]
for line in sys.stdin:
    print(read(kind, bytes.fromhex(line.strip())))
