"""The template follows cfn-lint's rules and ours; each of ours finds a mistake that is planted for it."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase

import pytest
from cfnlint.api import ManualArgs, lint

from querygen_core.contracts.errors import Exit
from tests.stack.rules import (
    RULES,
    a_timeout_is_given,
    attempts_are_possible,
    buckets_are_closed,
    containers_are_confined,
    ends_are_told_apart,
    every_resource_is_named,
    it_fits,
    logs_end,
    maths_add_up,
    no_secret_is_in_the_open,
    sizes_fit,
    the_journal_is_kept,
    what_holds_data_stays,
)
from tests.stack.template import STACK, load, of_type
from tests.stack.values import REGION

TEXT = STACK.read_text(encoding="utf-8")
TRY_AGAIN = '- {Action: RETRY, OnExitCode: "75"}'
NEXT = f"\n{' ' * 14}"  # an item of EvaluateOnExit

MISTAKES = [
    (attempts_are_possible, "Attempts: 5", "Attempts: 50"),
    (attempts_are_possible, "Attempts: 5", "Attempts: 0"),
    (a_timeout_is_given, "AttemptDurationSeconds: !Ref AttemptSeconds", "AttemptDurationSeconds: 5"),
    (a_timeout_is_given, "Default: 43200, MinValue: 60", "Default: 43200"),
    (a_timeout_is_given, "Timeout: {AttemptDurationSeconds: !Ref AttemptSeconds}", "Tags: {}"),
    (ends_are_told_apart, TRY_AGAIN, f"{TRY_AGAIN}{NEXT}{TRY_AGAIN}"),
    (ends_are_told_apart, '- {Action: EXIT, OnReason: "*"}', '- {Action: RETRY, OnReason: "*"}'),
    (ends_are_told_apart, '- {Action: EXIT, OnReason: "*"}', '- {Action: EXIT, OnReason: "Docker*"}'),
    (ends_are_told_apart, "Host EC2*", "Host EC2 (*"),
    (ends_are_told_apart, "Host EC2*", "*terminated"),
    (ends_are_told_apart, 'OnExitCode: "75"', 'OnExitCode: "75|69"'),
    (containers_are_confined, "ReadonlyRootFilesystem: true", "ReadonlyRootFilesystem: false"),
    (containers_are_confined, "Privileged: false", "Privileged: true"),
    (containers_are_confined, 'User: "10001:10001"', 'User: "0:10001"'),
    (containers_are_confined, 'User: "10001:10001"', "User: querygen"),
    (containers_are_confined, "InitProcessEnabled: true, ", ""),
    (containers_are_confined, "/var/lib/querygen, ReadOnly: false", "/var/lib/querygen, ReadOnly: true"),
    (containers_are_confined, "[rw, noexec, nosuid, nodev]", "[rw, nosuid, nodev]"),
    (sizes_fit, 'Vcpu: "4", Memory: "4096"', 'Vcpu: "4", Memory: "512"'),
    (no_secret_is_in_the_open, "{Name: QUERYGEN_TABLE, Value: !Ref Table}", "{Name: GEMINI_API_KEY, Value: x}"),
    (no_secret_is_in_the_open, "Essential: true", f"Secrets: [{{Name: A, ValueFrom: b}}]\n{' ' * 20}Essential: true"),
    (no_secret_is_in_the_open, "  AlarmEmail: {Type", "  DatabasePassword: {Type: String}\n  AlarmEmail: {Type"),
    (maths_add_up, "100 * failed / ended, 0)", "100 * fialed / ended, 0)"),
    (maths_add_up, "100 * failed / ended, 0)", "100 * ended / ended, 0)"),
    (maths_add_up, "100 * failed / ended, 0)", "100 * failed / ended, 0"),
    (maths_add_up, "{Id: ended, ReturnData: false,", "{Id: ended,"),
    (maths_add_up, "TreatMissingData: notBreaching", "TreatMissingData: breaching"),
    (maths_add_up, "AlarmActions: [!Ref Topic]", "AlarmActions: []"),
    (every_resource_is_named, '"*"  # forced: none of the four actions has a resource', '"*"'),
    (every_resource_is_named, "Resource: !GetAtt Table.Arn", 'Resource: ["*"]'),
    (every_resource_is_named, 'Action: "secretsmanager:GetSecretValue"', 'Action: "secretsmanager:*"'),
    (logs_end, "RetentionInDays: !Ref LogDays, KmsKeyId: !GetAtt Key.Arn", "KmsKeyId: !GetAtt Key.Arn"),
    (logs_end, "RetentionInDays: !Ref LogDays, KmsKeyId: !GetAtt Key.Arn", "RetentionInDays: !Ref LogDays"),
    (buckets_are_closed, "RestrictPublicBuckets: true", "RestrictPublicBuckets: false"),
    (buckets_are_closed, "BucketEncryption:", "AccelerateConfiguration:"),
    (the_journal_is_kept, "NoncurrentVersionExpiration: {NoncurrentDays: 1}", "ExpirationInDays: 400"),
    (the_journal_is_kept, "Prefix: submissions/, ExpirationInDays", "ExpirationInDays"),
    (the_journal_is_kept, "Prefix: submissions/, ExpirationInDays", "Prefix: j, ExpirationInDays"),
    (what_holds_data_stays, "    DeletionPolicy: Retain\n", ""),
    (it_fits, "# Everything that querygen needs", "#" * 10_000),
]


def found(text):
    template = load(text)
    return {rule: problems for rule in RULES if (problems := list(rule(template, text)))}


def test_the_stack_is_clean():
    assert found(TEXT) == {}


@pytest.mark.parametrize(("rule", "old", "new"), MISTAKES)
def test_a_planted_mistake_is_found(rule, old, new):
    assert old in TEXT
    assert list(found(TEXT.replace(old, new, 1))) == [rule]


def test_every_rule_has_a_mistake():
    assert {rule for rule, _, _ in MISTAKES} == set(RULES)


def retried(text):
    """The exit codes of querygen that Batch retries. Neither the host nor Docker gives a reason for such an end."""
    rules = of_type(load(text), "AWS::Batch::JobDefinition")["DefinitionSmall"]["RetryStrategy"]["EvaluateOnExit"]
    ended = {"OnReason": "", "OnStatusReason": "Essential container in task exited"}
    actions = {
        code: next(
            rule["Action"]
            for rule in rules
            if all(
                fnmatchcase(said, rule.get(field, "*")) for field, said in {**ended, "OnExitCode": f"{code:d}"}.items()
            )
        )
        for code in Exit
    }
    return [code for code, action in actions.items() if action == "RETRY"]


def test_batch_retries_what_may_heal_by_itself_only():
    assert retried(TEXT) == [Exit.TRY_AGAIN]
    assert Exit.STATE_UNUSABLE in retried(TEXT.replace(TRY_AGAIN, '- {Action: RETRY, OnExitCode: "7*"}'))


def linted(text):
    return [str(match) for match in lint(text, config=ManualArgs(regions=[REGION]))]


@pytest.mark.slow
def test_cfn_lint_is_content():
    assert linted(TEXT) == []


@pytest.mark.slow
def test_cfn_lint_looks_into_the_loops():
    """Otherwise it would accept anything inside them."""
    wrong = TEXT.replace("StopTimeout: 110", "StopTimeuot: 110").replace("PrivateDnsEnabled: true", "Dns: true")
    said = " ".join(linted(wrong))
    assert "StopTimeuot" in said
    assert "'Dns'" in said


def test_the_sizes_differ_in_nothing_but_size():
    definitions = of_type(load(TEXT), "AWS::Batch::JobDefinition")
    small = definitions.pop("DefinitionSmall")
    assert [*definitions] == ["DefinitionMedium", "DefinitionLarge"]
    for name, other in definitions.items():
        assert json.loads(json.dumps(other).replace(name.removeprefix("Definition"), "Small")) == small
