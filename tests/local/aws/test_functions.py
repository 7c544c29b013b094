"""The data sources."""

import json

import pytest

from local.providers.aws.api import Api, ApiError
from local.providers.aws.functions import FUNCTIONS

ZONES = FUNCTIONS["aws:index/getAvailabilityZones:getAvailabilityZones"]
DOCUMENT = FUNCTIONS["aws:iam/getPolicyDocument:getPolicyDocument"]


def test_the_zones_are_those_of_the_region_in_order(api: Api) -> None:
    names = ZONES(api, {"state": "available"})["names"]
    assert names == ["ap-southeast-2a", "ap-southeast-2b", "ap-southeast-2c"]


def test_an_argument_that_is_not_understood_is_refused(api: Api) -> None:
    with pytest.raises(ApiError, match="knows no filters"):
        ZONES(api, {"filters": []})


def test_the_caller_is_the_emulators_account(api: Api) -> None:
    identity = FUNCTIONS["aws:index/getCallerIdentity:getCallerIdentity"](api, {})
    assert identity["accountId"] == "123456789012"


def test_region_and_partition_are_those_of_the_provider(api: Api) -> None:
    assert FUNCTIONS["aws:index/getRegion:getRegion"](api, {})["region"] == "ap-southeast-2"
    partition = FUNCTIONS["aws:index/getPartition:getPartition"](api, {})
    assert (partition["partition"], partition["dnsSuffix"]) == ("aws", "amazonaws.com")


def test_a_policy_document_has_awss_layout(api: Api) -> None:
    statement = {
        "sid": "Read",
        "actions": ["s3:GetObject", "s3:ListBucket"],
        "resources": ["*"],
        "principals": [
            {"type": "AWS", "identifiers": ["arn:aws:iam::1:root"]},
            {"type": "Service", "identifiers": ["a.amazonaws.com", "b.amazonaws.com"]},
        ],
        "conditions": [
            {"test": "StringEquals", "variable": "aws:SourceAccount", "values": ["1"]},
            {"test": "StringEquals", "variable": "aws:SourceOrgID", "values": ["o"]},
        ],
    }
    answer = DOCUMENT(api, {"statements": [statement]})
    assert json.loads(answer["json"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Read",
                "Effect": "Allow",
                "Action": ["s3:ListBucket", "s3:GetObject"],
                "Resource": "*",
                "Principal": {
                    "AWS": "arn:aws:iam::1:root",
                    "Service": ["b.amazonaws.com", "a.amazonaws.com"],
                },
                "Condition": {"StringEquals": {"aws:SourceAccount": "1", "aws:SourceOrgID": "o"}},
            }
        ],
    }
    assert json.loads(answer["minifiedJson"]) == json.loads(answer["json"])
