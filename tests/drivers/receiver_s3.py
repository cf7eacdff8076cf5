"""moto's S3 on a free port, which is printed; then answers {"objects": BUCKET} and {"remove": BUCKET, "key": KEY}, a JSON line each."""

import gzip, json, os, sys

os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION="eu-central-1")
import boto3
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
_, port = server.get_host_and_port()
s3 = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}")
where = {"LocationConstraint": "eu-central-1"}
s3.create_bucket(Bucket="open", CreateBucketConfiguration=where)
s3.create_bucket(Bucket="locked", CreateBucketConfiguration=where, ObjectLockEnabledForBucket=True)
rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
s3.put_object_lock_configuration(Bucket="locked", ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule})
print(port, flush=True)
known = {}


def objects(bucket):
    versions = {}
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for version in page.get("Versions", []):
            versions.setdefault(version["Key"], []).append(version["VersionId"])
    for key, ids in versions.items():
        have = known.get((bucket, key))
        if have is None or have["versions"] != len(ids):
            got = s3.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
            body = got["Body"].read()
            text = gzip.decompress(body) if key.endswith(".gz") else body
            known[bucket, key] = {
                "key": key,
                "lines": text.decode().splitlines(),
                "meta": got["Metadata"],
                "sha256": got.get("ChecksumSHA256"),
                "retained": got.get("ObjectLockMode"),
                "encoding": got.get("ContentEncoding"),
                "versions": len(ids),
            }
    return [known[bucket, key] for key in sorted(versions)]


def remove(bucket, key):
    version = s3.list_object_versions(Bucket=bucket, Prefix=key)["Versions"][0]["VersionId"]
    try:
        s3.delete_object(Bucket=bucket, Key=key, VersionId=version)
        return "removed"
    except ClientError as error:
        return error.response["Error"]["Code"]


for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps(objects(asked["objects"]) if "objects" in asked else remove(asked["remove"], asked["key"])), flush=True)
os._exit(0)
