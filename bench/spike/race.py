#!/usr/bin/env python3
"""Races the relays against haproxy and pgbouncer in interleaved rounds over a private Postgres; prints a table and JSON."""
import argparse, concurrent.futures, json, os, platform, pwd, re, selectors, shutil, signal, socket, statistics
import subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
PG = "/usr/lib/postgresql/15/bin/"
RELAYS = {
    "a": "relay_a_tokio_copy", "b": "relay_b_tokio_pinned", "c": "relay_c_epoll",
    "d": "relay_d_monoio", "e": "relay_e_uring",
}
TICK = 1_000_000 / os.sysconf("SC_CLK_TCK")
COPY = "copy (select repeat('x',1000) from generate_series(1,500000)) to stdout"
COPY_BYTES = 500_000 * 1001


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_open(port, process):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.poll() is not None:
                raise SystemExit(f"{process.args} ended with {process.returncode}")
            time.sleep(0.05)
    raise SystemExit(f"{process.args} never listened")


def usage(pid):
    """(user, system) CPU microseconds, and (voluntary, involuntary) context switches over all threads."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    switches = [0, 0]
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status") as f:
            found = re.findall(r"voluntary_ctxt_switches:\s+(\d+)", f.read())
        switches = [a + int(b) for a, b in zip(switches, found)]
    return [int(fields[11]) * TICK, int(fields[12]) * TICK, *switches]


class Stage:
    """Every process of the race, each stopped by its own pid."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="weir-spike-")
        os.chmod(self.dir, 0o755)
        self.user = pwd.getpwnam("postgres")
        self.processes = []

    def start(self, command, port, user=None, env=None):
        log = open(os.path.join(self.dir, f"{port}.log"), "w")
        process = subprocess.Popen(command, stdout=log, stderr=log, user=user, env={**os.environ, **(env or {})},
                                   group=self.user.pw_gid if user else None, cwd="/")
        self.processes.append(process)
        wait_open(port, process)
        return process

    def file(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def postgres(self):
        data, self.pg_port = os.path.join(self.dir, "pg"), free_port()
        os.mkdir(data)
        os.chown(data, self.user.pw_uid, self.user.pw_gid)
        subprocess.run([PG + "initdb", "-D", data, "-A", "trust", "-N"], user=self.user.pw_uid, cwd="/",
                       group=self.user.pw_gid, check=True, stdout=subprocess.DEVNULL)
        self.start([PG + "postgres", "-D", data, "-p", str(self.pg_port), "-h", "127.0.0.1", "-k", data, "-F",
                    "-c", "shared_buffers=256MB", "-c", "max_connections=200", "-c", "autovacuum=off"],
                   self.pg_port, self.user.pw_uid)
        self.pgbench(self.pg_port, "-i", "-s", "10")

    def haproxy(self, upstream=None):
        port = free_port()
        config = self.file("haproxy.cfg", f"""
global
  nbthread 2
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen pg
  bind 127.0.0.1:{port}
  server pg 127.0.0.1:{upstream or self.pg_port}
""")
        return port, self.start(["haproxy", "-db", "-f", config], port)

    def pgbouncer(self):
        port = free_port()
        users = self.file("users.txt", '"postgres" ""\n')
        config = self.file("pgbouncer.ini", f"""
[databases]
postgres = host=127.0.0.1 port={self.pg_port} dbname=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = session
default_pool_size = 100
log_connections = 0
log_disconnections = 0
log_stats = 0
ignore_startup_parameters = extra_float_digits
""")
        return port, self.start(["pgbouncer", config], port, self.user.pw_uid)

    def relay(self, name, upstream, env=None):
        port = free_port()
        binary = os.path.join(HERE, "target/release", RELAYS[name])
        return port, self.start([binary, f"127.0.0.1:{port}", f"127.0.0.1:{upstream}"], port, env=env)

    def client(self, port):
        return ["-h", "127.0.0.1", "-p", str(port), "-U", "postgres"]

    def pgbench(self, port, *options):
        done = subprocess.run([PG + "pgbench", *self.client(port), *options, "postgres"], check=True,
                              capture_output=True, text=True, cwd=self.dir)
        return done.stdout

    def copy_out(self, port, sql=COPY):
        began = time.monotonic()
        subprocess.run([PG + "psql", *self.client(port), "-qAtX", "-c", sql, "postgres"], check=True,
                       stdout=subprocess.DEVNULL)
        return COPY_BYTES / (time.monotonic() - began) / 1e6

    def stop(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGINT if "postgres" in process.args[0] else signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(self.dir, ignore_errors=True)


def bench(stage, port, pid, seconds, clients):
    threads = str(min(clients, 2))
    before = usage(pid) if pid else None
    out = stage.pgbench(port, "-S", "-n", "-M", "prepared", "-c", str(clients), "-j", threads, "-T", str(seconds))
    count = int(re.search(r"actually processed: (\d+)", out)[1])
    result = {"tps": float(re.search(r"tps = ([\d.]+)", out)[1]),
              "latency_us": 1000 * float(re.search(r"latency average = ([\d.]+)", out)[1])}
    if pid:
        user, system, voluntary, involuntary = (b - a for a, b in zip(before, usage(pid)))
        result |= {"cpu_us": (user + system) / count, "user_us": user / count, "system_us": system / count,
                   "waits": voluntary / count, "preempted": involuntary / count}
    return result


def measure_copy(stage, port, pid):
    before = usage(pid) if pid else None
    result = {"mb_s": stage.copy_out(port)}
    if pid:
        after = usage(pid)
        result["cpu_ms"] = (after[0] + after[1] - before[0] - before[1]) / 1000
    return result


def fairness(stage, port, seconds):
    """99th percentile, in us, of one client alone and then beside a COPY; with ONE worker they must share."""
    def p99(tag):
        prefix = os.path.join(stage.dir, f"log-{port}-{tag}")
        stage.pgbench(port, "-S", "-n", "-M", "prepared", "-c", "1", "-T", str(seconds), "-l", f"--log-prefix={prefix}")
        values = []
        for name in os.listdir(stage.dir):
            if name.startswith(os.path.basename(prefix)):
                with open(os.path.join(stage.dir, name)) as f:
                    values += [int(line.split()[2]) for line in f]
        values.sort()
        return values[len(values) * 99 // 100]
    alone = p99("alone")
    process = subprocess.Popen([PG + "psql", *stage.client(port), "-qAtX", "-c", COPY.replace("500000)", "50000000)"),
                                "postgres"], stdout=subprocess.DEVNULL)
    beside = p99("beside")
    ended = process.poll() is not None
    process.terminate()
    process.wait()
    return {"alone_us": alone, "beside_copy_us": beside, "copy_ended_early": ended}


def resident(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])


def echo(listener, messages):
    """Accepts, and answers each message, until it has answered so many; keeps every socket open and returns them."""
    sockets = {listener}
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        while messages:
            for key, _ in selector.select():
                if key.fileobj is listener:
                    sockets.add(accepted := listener.accept()[0])
                    selector.register(accepted, selectors.EVENT_READ)
                elif data := key.fileobj.recv(200):
                    key.fileobj.sendall(data)
                    messages -= 1
                else:  # the connection that only asked whether the relay listens
                    selector.unregister(key.fileobj)
    return sockets


def memory(stage, sessions):
    """User-space KiB an idle session, after each has carried one message both ways."""
    result = {}
    for name in ("haproxy", *RELAYS):
        listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        upstream = listener.getsockname()[1]
        port, process = stage.haproxy(upstream) if name == "haproxy" else stage.relay(name, upstream)
        before = resident(process.pid)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            answered = pool.submit(echo, listener, sessions)
            clients = [socket.create_connection(("127.0.0.1", port), 30) for _ in range(sessions)]
            for client in clients:
                client.sendall(b"x" * 100)
            for client in clients:
                client.recv(200)
            servers = answered.result()
        result[name] = (resident(process.pid) - before) / sessions
        process.terminate()
        process.wait()
        for each in (*clients, *servers):
            each.close()
    return result


def median(rows, key):
    values = [row[key] for row in rows if key in row]
    return statistics.median(values) if values else None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--seconds-one", type=int, default=3)
    parser.add_argument("--only", default="direct,haproxy,pgbouncer,a,b,c,d,e",
                        help="names, or relay:KNOB=VALUE:… for a variant, e.g. c:WORKERS=1:BATCH=1")
    parser.add_argument("--skip", default="", help="of: one, copy, memory, fairness")
    parser.add_argument("--json")
    options = parser.parse_args()
    skip = options.skip.split(",")
    # SIGTERM must clean up as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    stage, load = Stage(), [os.getloadavg()]
    try:
        stage.postgres()
        runners = {}
        for label in options.only.split(","):
            name, *knobs = label.split(":")
            if name == "direct":
                runners[label] = (stage.pg_port, None)
                continue
            env = dict(knob.split("=") for knob in knobs)
            start = {"haproxy": stage.haproxy, "pgbouncer": stage.pgbouncer}.get(name)
            port, process = start() if start else stage.relay(name, stage.pg_port, env)
            runners[label] = (port, process.pid)
        many, one, copy = ({label: [] for label in runners} for _ in range(3))
        for turn in range(options.rounds):
            labels = list(runners)
            shift = turn * 3 % len(labels)
            for label in labels[shift:] + labels[:shift]:
                port, pid = runners[label]
                many[label].append(bench(stage, port, pid, options.seconds, 16))
                if "one" not in skip:
                    one[label].append(bench(stage, port, pid, options.seconds_one, 1))
                if "copy" not in skip:
                    copy[label].append(measure_copy(stage, port, pid))
            load.append(os.getloadavg())
        fair = {} if "fairness" in skip else {
            f"{name}:WORKERS=1": fairness(stage, stage.relay(name, stage.pg_port, {"WORKERS": "1"})[0], 4)
            for name in RELAYS if name in options.only}
        idle = {} if "memory" in skip else memory(stage, 2000)
    finally:
        stage.stop()
    report(runners, many, one, copy, fair, idle, load, options)


def report(runners, many, one, copy, fair, idle, load, options):
    medians = {label: {"tps_16": median(many[label], "tps"), "relay_cpu_us": median(many[label], "cpu_us"),
                       "user_us": median(many[label], "user_us"), "system_us": median(many[label], "system_us"),
                       "waits": median(many[label], "waits"), "preempted": median(many[label], "preempted"),
                       "latency_1_us": median(one[label], "latency_us"), "relay_cpu_1_us": median(one[label], "cpu_us"),
                       "copy_mb_s": median(copy[label], "mb_s"), "copy_cpu_ms": median(copy[label], "cpu_ms")}
               for label in runners}
    ratios = {}
    for base in ("haproxy", "direct"):
        for label in runners if base in runners else []:
            # The median of the ratios of one round: what shared a moment is compared with what shared it.
            pairs = [("tps_16", many, "tps", False), ("latency_1", one, "latency_us", True), ("copy", copy, "mb_s", False)]
            ratios.setdefault(label, {})[base] = {
                name: statistics.median(b[key] / a[key] if lower else a[key] / b[key]
                                        for a, b in zip(rows[label], rows[base]))
                for name, rows, key, lower in pairs if rows[label]}
    def cell(value, digits=1):
        return "-" if value is None else f"{value:.{digits}f}"
    print("| relay | tps c16 | ×haproxy | ×direct | CPU µs/tx | (user+sys) | waits/tx | latency c1 µs | ×haproxy | COPY MB/s | ×haproxy | COPY CPU ms |")
    print("|---|" + "---|" * 11)
    for label, m in medians.items():
        h, d = ratios.get(label, {}).get("haproxy", {}), ratios.get(label, {}).get("direct", {})
        print("| " + " | ".join([
            label, cell(m["tps_16"], 0), cell(h.get("tps_16"), 2), cell(d.get("tps_16"), 2), cell(m["relay_cpu_us"]),
            f'{cell(m["user_us"])}+{cell(m["system_us"])}', cell(m["waits"], 2), cell(m["latency_1_us"], 0),
            cell(h.get("latency_1"), 2), cell(m["copy_mb_s"], 0), cell(h.get("copy"), 2), cell(m["copy_cpu_ms"], 0)]) + " |")
    for label, values in fair.items():
        print("fairness", label, values)
    print("idle KiB a session", {k: round(v, 1) for k, v in idle.items()})
    print("load averages (1 min)", [round(l[0], 1) for l in load])
    if options.json:
        machine = {"kernel": platform.release(), "cpus": os.cpu_count(), "load": load}
        raw = {"many": many, "one": one, "copy": copy}
        with open(options.json, "w") as f:
            json.dump({"machine": machine, "medians": medians, "ratios": ratios, "fairness": fair,
                       "idle_kib": idle, "raw": raw}, f, indent=1)


if __name__ == "__main__":
    main()
