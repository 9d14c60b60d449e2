#!/usr/bin/env python3
"""Crawls three real documentation sites, served by nginx on loopback, with tandem-crawl and with wget2, in turns.

    bench/real_sites.py [--program build/release/examples/crawler/tandem-crawl] [--rounds 5] [--json FILE] [--sets]

Needs the Debian packages nginx-light, wget2, postgresql-doc-15, python3-doc, libboost1.81-doc (and wget for --sets, which
compares the set of pages with that of `wget -r`). Prints a table: pages, seconds, CPU seconds (user and system), medians over
the rounds. All traffic stays on 127.0.0.1.
"""
import argparse
import json
import os
import pathlib
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

SITES = [
    ("postgresql", "/usr/share/doc/postgresql-doc-15", "/html/index.html"),
    ("python", "/usr/share/doc/python3.11-doc/html", "/index.html"),
    ("boost", "/usr/share/doc/libboost1.81-doc", "/doc/html/index.html"),
]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start_nginx(folder, sites):
    """Starts nginx with a port for each site; gives the process and the ports."""
    ports = [free_port() for _ in sites]
    servers = "".join(
        f"server {{ listen 127.0.0.1:{port}; root {root}; index index.html; }}\n"
        for port, (_, root, _) in zip(ports, sites)
    )
    conf = folder / "nginx.conf"
    conf.write_text(
        f"""worker_processes 1; pid {folder}/pid; error_log {folder}/error.log; daemon off;
events {{ worker_connections 4096; }}
http {{ include /etc/nginx/mime.types; access_log off; sendfile on; keepalive_requests 1000000;
client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
{servers} }}"""
    )
    server = subprocess.Popen(["nginx", "-c", str(conf)], stderr=subprocess.DEVNULL)
    for port in ports:
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.01)
        else:
            sys.exit("nginx did not start: see " + str(folder / "error.log"))
    return server, ports


def timed(command, cwd):
    """Wall and CPU seconds of a command and its exit code."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.monotonic()
    code = subprocess.run(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
    wall = time.monotonic() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, code


def compare_sets(folder, name, base, start):
    """The pages of tandem-crawl's output beside the HTML files that `wget -r` finds."""
    ours = set()
    for line in open(folder / f"{name}.jsonl", encoding="utf-8"):
        page = json.loads(line)
        if page["status"] == 200:
            path = urllib.parse.unquote(page["url"][len(base) :])
            ours.add(path + "index.html" if path.endswith("/") else path)
    tree = folder / f"wget-{name}"
    subprocess.run(["wget", "-r", "-l", "inf", "-e", "robots=off", "-q", "-nH", "-P", str(tree), base + start], check=False)
    theirs = {"/" + str(f.relative_to(tree)) for f in tree.rglob("*") if f.is_file()}
    theirs = {urllib.parse.unquote(f) for f in theirs}
    pages = {f for f in theirs if f.endswith((".html", ".htm"))}
    print(f"  {name}: {len(ours)} fetched by tandem-crawl, {len(pages)} pages by wget -r")
    print(f"    only tandem-crawl: {sorted(ours - theirs)[:5]}")
    print(f"    only wget (pages): {sorted(pages - ours)[:5]}")
    shutil.rmtree(tree, ignore_errors=True)


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=str(root / "build/release/examples/crawler/tandem-crawl"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json")
    parser.add_argument("--sets", action="store_true")
    arguments = parser.parse_args()
    program = os.path.abspath(arguments.program)
    sites = [site for site in SITES if os.path.isdir(site[1])]
    if not sites or not shutil.which("nginx") or not os.path.exists(program):
        sys.exit("nginx, the documentation packages or the program are missing; see --help and scripts/crawl.sh")
    results = []
    # In memory: wget2 writes every page to a file, and the file system of a disk would be most of what is measured.
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as name:
        folder = pathlib.Path(name)
        os.chmod(folder, 0o755)
        server, ports = start_nginx(folder, sites)
        try:
            for (site, _, start), port in zip(sites, ports):
                base = f"http://127.0.0.1:{port}"
                ours = [program, "--no-robots", "--quiet", "--per-host", "16", "--output", f"{site}.jsonl",
                        "--summary", f"{site}.json", base + start]
                commands = {"tandem-crawl": ours}
                if shutil.which("wget2"):
                    # Its best number of threads differs from machine to machine.
                    for threads in (4, 8, 16):
                        commands[f"wget2, {threads} threads"] = [
                            "wget2", "-r", "-l", "0", "--no-robots", f"--max-threads={threads}", "-q",
                            "-P", f"wget2-{site}", base + start]
                runs = {tool: [] for tool in commands}
                for _ in range(arguments.rounds):
                    for tool, command in commands.items():
                        runs[tool].append(timed(command, folder))
                        shutil.rmtree(folder / f"wget2-{site}", ignore_errors=True)
                pages = json.loads((folder / f"{site}.json").read_text())["by_status"].get("200", 0)
                for tool, measured in runs.items():
                    if measured:
                        results.append({"site": site, "tool": tool, "pages": pages,
                                        "wall_s": statistics.median(m[0] for m in measured),
                                        "cpu_s": statistics.median(m[1] for m in measured)})
                if arguments.sets:
                    compare_sets(folder, site, base, start)
        finally:
            server.terminate()
            server.wait()
    print(f"{'site':12} {'tool':18} {'pages':>6} {'wall s':>8} {'CPU s':>8} {'pages/s':>9} {'pages/CPU s':>12}")
    for r in results:
        print(f"{r['site']:12} {r['tool']:18} {r['pages']:6} {r['wall_s']:8.3f} {r['cpu_s']:8.3f} "
              f"{r['pages'] / r['wall_s']:9.0f} {r['pages'] / r['cpu_s']:12.0f}")
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
