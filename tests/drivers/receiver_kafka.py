"""librdkafka's mock cluster, whose brokers are printed; then a JSON line for each of {"down"}, {"up"}, {"fail", "errors"}, {"records"}."""

import ctypes, glob, json, os, sys
import confluent_kafka

BROKERS, PARTITIONS = 3, 4
place = os.path.join(os.path.dirname(os.path.dirname(confluent_kafka.__file__)), "confluent_kafka.libs", "librdkafka-*.so*")
library = ctypes.CDLL(glob.glob(place)[0])
for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_mock_cluster_new"):
    getattr(library, name).restype = ctypes.c_void_p
library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
library.rd_kafka_new.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
library.rd_kafka_mock_cluster_new.argtypes = [ctypes.c_void_p, ctypes.c_int]
for name in ("rd_kafka_mock_cluster_bootstraps",):
    getattr(library, name).argtypes = [ctypes.c_void_p]
library.rd_kafka_mock_topic_create.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int]
for name in ("rd_kafka_mock_broker_set_down", "rd_kafka_mock_broker_set_up"):
    getattr(library, name).argtypes = [ctypes.c_void_p, ctypes.c_int32]
library.rd_kafka_mock_push_request_errors_array.argtypes = [ctypes.c_void_p, ctypes.c_int16, ctypes.c_size_t, ctypes.c_void_p]

error = ctypes.create_string_buffer(512)
# A producer (0) that does nothing but carry the cluster.
carrier = library.rd_kafka_new(0, library.rd_kafka_conf_new(), error, 512)
cluster = library.rd_kafka_mock_cluster_new(carrier, BROKERS)
library.rd_kafka_mock_topic_create(cluster, b"weir", PARTITIONS, BROKERS)
brokers = library.rd_kafka_mock_cluster_bootstraps(cluster).decode()
consumer = confluent_kafka.Consumer({"bootstrap.servers": brokers, "group.id": "t", "auto.offset.reset": "earliest", "enable.auto.commit": False, "reconnect.backoff.max.ms": 100})
consumer.assign([confluent_kafka.TopicPartition("weir", partition, 0) for partition in range(PARTITIONS)])
kept = []
print(json.dumps(brokers), flush=True)


def records():
    while True:
        messages = consumer.consume(500, 0.3)
        if not messages:
            return sorted(kept, key=lambda record: (record["partition"], record["offset"]))
        for message in messages:
            if message.error() is None:
                headers = {name: value.decode() for name, value in message.headers() or []}
                kept.append({"partition": message.partition(), "offset": message.offset(), "key": message.key().decode(), "value": message.value().decode(), "headers": headers})


for line in sys.stdin:
    asked, answer = json.loads(line), True
    if "down" in asked:
        for broker in range(1, BROKERS + 1):
            library.rd_kafka_mock_broker_set_down(cluster, broker)
    elif "up" in asked:
        for broker in range(1, BROKERS + 1):
            library.rd_kafka_mock_broker_set_up(cluster, broker)
    elif "fail" in asked:
        errors = (ctypes.c_int * len(asked["errors"]))(*asked["errors"])
        library.rd_kafka_mock_push_request_errors_array(cluster, asked["fail"], len(asked["errors"]), errors)
    else:
        answer = records()
    print(json.dumps(answer), flush=True)
os._exit(0)
