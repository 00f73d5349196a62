"""Requests that a job and a submitter must be allowed, one of each kind, and requests that must be denied."""

from __future__ import annotations

from tests.stack.needs import BUCKET, KEY, SECRETS, TABLE, arn, at, via
from tests.stack.policies import Request
from tests.stack.values import ARNS, REGION

FOREIGN = "arn:aws:s3:::somebody-elses"

CALLS_OF_A_JOB = [
    *(
        Request("s3:GetObject", at(key))
        for key in (
            "input/catalogue.csv.gz",
            "configs/prod.yaml",
            "configs/prompts/market.j2",
            "submissions/ab12/config.json",
            "submissions/products/cd34/c.jsonl",
            "journal/answers/ab/abcd.1.json",
            "journal/jobs/shop/leases/0-of-1.json",
            "query/shop/manifest.json",
            "errors/shop/short.jsonl",
        )
    ),
    *(
        Request("s3:PutObject", at(key))
        for key in (
            "journal/answers/ab/abcd.1.json",
            "journal/jobs/shop/leases/0-of-1.json",
            "journal/jobs/shop/segments/7/1-0.jsonl.gz",
            "journal/jobs/shop/runs/1.json",
            "journal/jobs/shop/reports/0-of-1.json",
            "query/shop.json",
            "query/shop/part-00.jsonl",
            "query/backup_1a2b3c4d_2026.json",
            "errors/shop/short.jsonl",
        )
    ),
    *(Request("s3:DeleteObject", at(key)) for key in ("query/shop.json", "errors/shop/short-00-of-64.jsonl")),
    *(
        Request("s3:ListBucket", BUCKET, {"s3:prefix": prefix})
        for prefix in (
            "configs/",
            "submissions/ab12/",
            "journal/jobs/shop/segments/",
            "query/shop/",
            "errors/shop/",
        )
    ),
    Request("s3:ListBucket", BUCKET),
    *(Request(f"dynamodb:{name}", TABLE) for name in ("BatchWriteItem", "PutItem", "Query")),
    *(Request("secretsmanager:GetSecretValue", secret) for secret in SECRETS.values()),
    *(via(service, "kms:Decrypt") for service in ("s3", "dynamodb", "secretsmanager")),
    via("s3", "kms:GenerateDataKey"),
]

NOT_FOR_A_JOB = [
    Request("s3:GetObject", at("input/catalogue.csv", FOREIGN)),
    Request("s3:PutObject", at("query/shop.json", FOREIGN)),
    Request("s3:ListBucket", FOREIGN),
    Request("s3:GetObject", f"{BUCKET}-access/data/log"),
    Request("s3:PutObject", at("input/catalogue.csv")),
    Request("s3:PutObject", at("configs/prod.yaml")),
    Request("s3:PutObject", at("submissions/ab12/config.json")),
    Request("s3:PutObject", at("elsewhere/x")),
    Request("s3:GetObject", at("elsewhere/x")),
    Request("s3:GetObject", at("inputs-of-others/x")),
    Request("s3:DeleteObject", at("journal/answers/ab/abcd.1.json")),
    Request("s3:DeleteObject", at("input/catalogue.csv")),
    Request("s3:DeleteObjectVersion", at("query/shop.json")),
    Request("s3:GetObjectVersion", at("input/catalogue.csv")),
    Request("s3:ListBucket", BUCKET, {"s3:prefix": ""}),
    Request("s3:ListBucket", BUCKET, {"s3:prefix": "elsewhere/"}),
    Request("s3:ListAllMyBuckets", "*"),
    Request("s3:PutBucketPolicy", BUCKET),
    Request("s3:PutLifecycleConfiguration", BUCKET),
    Request("s3:PutBucketVersioning", BUCKET),
    Request("s3:DeleteBucket", BUCKET),
    Request("s3:BypassGovernanceRetention", at("journal/x")),
    Request("dynamodb:DeleteTable", TABLE),
    Request("dynamodb:UpdateTable", TABLE),
    Request("dynamodb:DeleteItem", TABLE),
    Request("dynamodb:Scan", TABLE),
    Request("dynamodb:PutItem", arn("dynamodb", "table/orders")),
    Request("dynamodb:Query", f"{TABLE}-of-others"),
    Request("secretsmanager:GetSecretValue", arn("secretsmanager", "secret:payroll-AbCdEf")),
    Request("secretsmanager:GetSecretValue", arn("secretsmanager", "secret:querygen/other-AbCdEf")),
    Request("secretsmanager:PutSecretValue", ARNS["GeminiSecret"]),
    Request("secretsmanager:ListSecrets", "*"),
    Request("kms:Decrypt", KEY),
    Request("kms:Decrypt", KEY, {"kms:ViaService": f"ec2.{REGION}.amazonaws.com"}),
    Request("kms:Decrypt", arn("kms", "key/another"), {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}),
    Request("kms:ScheduleKeyDeletion", KEY),
    Request("iam:PassRole", ARNS["JobRole.Arn"]),
    Request("sts:AssumeRole", ARNS["ExecutionRole.Arn"]),
    Request("batch:SubmitJob", ARNS["Queue"]),
    Request("ecr:GetAuthorizationToken", "*"),
    Request("logs:DeleteLogGroup", ARNS["JobLogs.Arn"]),
    Request("rds-db:connect", arn("rds-db", "dbuser:db-ABC/admin")),
]

DEFINITION = arn("batch", "job-definition/querygen-small:3")

CALLS_OF_A_SUBMITTER = [
    *(Request("batch:SubmitJob", where) for where in (ARNS["Queue"], ARNS["UrgentQueue"], DEFINITION)),
    *(Request("batch:SubmitJob", arn("batch", f"job-definition/querygen-{size}:12")) for size in ("medium", "large")),
    Request("batch:TagResource", arn("batch", "job/5f1c"), {"aws:RequestTag/querygen-job": "shop"}),
    Request("batch:TerminateJob", arn("batch", "job/5f1c"), {"aws:ResourceTag/querygen-job": "shop"}),
    *(Request(f"batch:{name}", "*") for name in ("DescribeJobDefinitions", "DescribeJobs", "ListJobs")),
    *(Request(f"s3:{name}", at("submissions/ab12/config.json")) for name in ("GetObject", "PutObject")),
    Request("s3:PutObject", at("input/catalogue.csv")),
    Request("s3:PutObject", at("configs/prod.yaml")),
    Request("s3:ListBucket", BUCKET),
    via("s3", "kms:GenerateDataKey"),
    via("s3", "kms:Decrypt"),
    Request("logs:GetLogEvents", ARNS["JobLogs.Arn"].replace(":*", ":log-stream:job/querygen/1")),
    Request("execute-api:Invoke", arn("execute-api", "a1b2c3d4e5/$default/POST/jobs")),
]

NOT_FOR_A_SUBMITTER = [
    Request("batch:SubmitJob", arn("batch", "job-queue/payroll")),
    Request("batch:SubmitJob", arn("batch", "job-definition/payroll:1")),
    Request("batch:RegisterJobDefinition", DEFINITION),
    Request("batch:TerminateJob", arn("batch", "job/5f1c")),
    Request("batch:TagResource", arn("batch", "job/5f1c"), {"aws:RequestTag/team": "shop"}),
    Request("batch:DeleteJobQueue", ARNS["Queue"]),
    Request("s3:GetObject", at("query/shop.json")),
    Request("s3:GetObject", at("journal/answers/ab/abcd.1.json")),
    Request("s3:PutObject", at("journal/answers/ab/abcd.1.json")),
    Request("s3:DeleteObject", at("submissions/ab12/config.json")),
    Request("secretsmanager:GetSecretValue", ARNS["GeminiSecret"]),
    Request("dynamodb:Query", TABLE),
    Request("kms:Decrypt", KEY, {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}),
    Request("iam:PassRole", ARNS["JobRole.Arn"]),
    Request("events:PutEvents", ARNS["Bus.Arn"]),
]
