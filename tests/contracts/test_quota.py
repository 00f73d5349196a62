from __future__ import annotations

import pytest

from querygen_core.contracts.quota import LONGEST_WAIT, quota_lasts

LASTING = [
    "Quota exceeded for metric: requests, limit: 0, model: x",
    "Quota limit 0 exceeded",
    "You have a limit of 0 requests",
    "Too many tokens per day, please wait before trying again.",
    "You have reached your daily limit",
    "Monthly usage exceeded",
    "GenerateRequestsPerDayPerProjectPerModel",
    "Your project has exceeded its spend cap",
    "Spending limit reached",
    "Your credit balance is too low to access the API",
    "insufficient_quota",
    "Insufficient credits",
    "You have run out of credits",
    "This request requires more credits, or fewer max_tokens",
    "Please try again in 7h12m30s",
    "The limit resets in 5 hours",
    "Your quota will reset after 21h14m2s.",
    "Please retry in 43200s",
    "Retry after 2 days",
    "Hard limit has been reached",
    "Billing account disabled",
    "Payment required",
    "Your account balance is too low",
    "Balance is not enough, please recharge",
    "Please top up your account",
    "Access denied: your account has a negative balance",
    "Arrearage: please make sure your account is in good standing",
    "Your account is past due",
    "Account suspended for non-payment",
    "Your free trial has ended. Upgrade to continue",
    "Free tier limit exceeded for today. Come back tomorrow",
    "You have reached your quota for the day",
    "The quota is renewed at midnight Pacific time",
    "quota exceeded: 1000 requests / day",
    "RPD limit reached",
    "You have exceeded your 24 hour request limit",
    "You have hit your usage limit. Upgrade your plan",
    "You have reached your specified API usage limits. You will regain access on 2026-12-05 at 00:00 UTC.",
    "There is no remaining quota",
    "limit: 0.0",
]
HEALING = [
    "Quota exceeded for metric: requests, limit: 10, model: y. Please retry in 27.5s.",
    "Rate limit reached on tokens per min (TPM): Limit 10000, Used 9000, Requested 2000. Please try again in 6s.",
    "Resource has been exhausted (e.g. check quota).",
    "You exceeded your current quota, please check your plan and billing details.",
    "limit: 0.5 per second",
    "limit 0,5",
    "limit: 05",
    "limit: 0.05",
    "Server busy: the load balancer has no healthy upstream",
    "Rate limited, balanced across regions; retry after 5 s",
    "Request was throttled. Expected available in 30 seconds.",
    "Please try again in 59m",
    "The model is overloaded. Please try again later.",
    "rate limit of 50 requests per minute",
    "",
]


@pytest.mark.parametrize("message", LASTING)
def test_words_of_a_quota_that_lasts(message: str):
    assert quota_lasts(message)


@pytest.mark.parametrize("message", HEALING)
def test_words_of_a_limit_that_heals(message: str):
    assert not quota_lasts(message)


def test_a_long_wait_lasts_whatever_is_said():
    assert quota_lasts("slow down", LONGEST_WAIT + 1)
    assert not quota_lasts("slow down", LONGEST_WAIT)


@pytest.mark.parametrize(
    "piece", ["credits ", "in 1 h ", "limit", "in 1", "9", "billing account ", "balance ", "hit ", "trial "]
)
def test_a_long_message_takes_no_long_time(piece: str):
    quota_lasts(piece * 100_000)  # which would not end if the search were exponential
