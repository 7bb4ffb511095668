"""How each row of the catalogue of causes is proven."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Proof:
    """The proof of one cause.

    how: "real": the real client in the sandbox ended that way; "recorded": the events
    of such an ending, as the library reports them, went through the product; "never":
    nothing can produce it, and the portal never says it.
    tests: "path::name" of each test. why: for all but "real", why there is no more.
    """

    how: Literal["real", "recorded", "never"]
    tests: tuple[str, ...] = ()
    why: str = ""


ACCEPTANCE = "tests/acceptance/test_"
GUARDS = "tests/acceptance/test_guards.py::test_"
WATCHDOGS = "tests/acceptance/test_watchdogs.py::test_"
WARNINGS = "tests/acceptance/test_warnings.py::test_"
LINKED = "tests/causes/test_linked.py::test_it_is_recorded_ruled_and_answered"
LINKING = "tests/causes/test_linking.py::test_it_ends_says_why_and_leaves_nothing"
NETWORK = "tests/causes/test_network.py::test_"
UNLINKED = f"{ACCEPTANCE}unlinked_on_the_phone.py::test_"
REFUSED = (
    f"{ACCEPTANCE}refused_logins.py::test_each_refusal_has_its_cause_and_rule_and_costs_"
    "no_keys"
)
BAN_ENDS = f"{GUARDS}a_ban_ends_by_itself_after_its_date_and_a_margin"
LOSSES = f"{ACCEPTANCE}losses.py::test_each_loss_is_recorded_and_over_within_seconds"
VERBS = f"{ACCEPTANCE}verbs.py::test_"
IMPORT = "tests/commands/test_import_baileys.py::test_"
STOP_START = f"{VERBS}stop_start_hold_and_restart_keep_the_keys_and_the_device"


def real(*tests: str) -> Proof:
    return Proof("real", tests)


def recorded(why: str, *tests: str) -> Proof:
    return Proof("recorded", tests, why)


def never(why: str, *tests: str) -> Proof:
    return Proof("never", tests, why)


WHATSAPP: dict[str, Proof] = {
    "u1": real(
        LINKED,
        f"{UNLINKED}unlinked_while_online_it_is_logged_out_and_nobody_knocks_again",
    ),
    "u2": real(
        LINKED, f"{UNLINKED}unlinked_while_offline_it_is_seen_at_the_next_login"
    ),
    "u3": real(
        LINKED,
        f"{UNLINKED}a_locked_or_banned_account_is_linked_again_only_when_confirmed",
    ),
    "u4": real(
        LINKED,
        f"{UNLINKED}a_locked_or_banned_account_is_linked_again_only_when_confirmed",
    ),
    "u5": real(
        LINKED,
        f"{UNLINKED}rejected_right_after_linking_it_shuts_link_for_half_an_hour",
        f"{GUARDS}link_opens_again_after_a_device_was_rejected_at_once",
    ),
    **{f"b{number}": real(LINKED, REFUSED, BAN_ENDS) for number in range(1, 6)},
    "b6": real(
        LINKED, REFUSED, f"{GUARDS}a_ban_of_an_unknown_code_for_weeks_is_waited_out"
    ),
    "r1": real(
        LINKED,
        f"{ACCEPTANCE}losses.py::test_replaced_once_it_waits_a_minute_replaced_again_a_"
        "person_decides",
    ),
    "o1": real(
        f"{NETWORK}a_refused_version_waits_for_an_update_and_costs_no_keys",
        f"{ACCEPTANCE}incidents.py::test_a_refused_version_stops_every_start_but_the_"
        "canarys",
        LINKING,
    ),
    "f1": real(
        LINKED,
        REFUSED,
        f"{GUARDS}a_refused_login_is_tried_as_often_as_the_setting_says",
    ),
    "f2": real(LINKED, REFUSED),
    "f3": real(
        LINKED,
        f"{ACCEPTANCE}refused_logins.py::test_an_overloaded_server_is_tried_until_it_"
        "lets_the_phone_in",
        f"{GUARDS}an_overloaded_server_is_ridden_and_then_asked_rarely",
    ),
    "s1": real(
        LINKED,
        f"{NETWORK}a_restart_asked_by_515_that_fails_is_done_by_a_new_process",
        f"{WATCHDOGS}a_restart_that_whatsapp_asked_for_and_that_hangs",
    ),
    "s2": real(LINKED, LOSSES),
    "s3": real(LINKED, LOSSES, f"{GUARDS}stream_errors_that_repeat_hold_the_phone"),
    "s4": real(LINKED, f"{GUARDS}broken_stanzas_that_repeat_restart_the_process"),
    "n1": real(
        LINKED,
        LOSSES,
        f"{NETWORK}an_outage_is_ridden_out_and_then_left_to_a_new_process",
        f"{WATCHDOGS}a_login_that_is_never_answered_is_given_up",
    ),
    "n2": real(
        LINKED,
        f"{ACCEPTANCE}losses.py::test_a_silent_server_makes_the_phone_unproven_until_it_"
        "speaks",
        f"{WATCHDOGS}a_connection_without_proof_of_life_is_given_up",
        f"{WATCHDOGS}a_keepalive_that_stays_unanswered_is_given_up",
    ),
    "n3": real(
        f"{NETWORK}a_start_that_never_reaches_whatsapp_is_not_held_against_the_phone",
        f"{ACCEPTANCE}phone_proxy.py::test_a_proxy_that_fails_is_named_and_never_gone_"
        "past",
        # A name that is not resolved: recorded, tests ask no name server.
        "tests/policy/test_connect_errors.py::test_the_network_word",
    ),
    "n4": real(
        f"{ACCEPTANCE}incidents.py::test_an_outage_is_one_incident_with_one_canary_at_a_"
        "time",
    ),
}

PAIRING: dict[str, Proof] = {
    "q1": real(
        LINKING,
        f"{ACCEPTANCE}pairings.py::test_a_code_nobody_scans_expires_as_408_and_leaves_"
        "nothing",
    ),
    "q2": real(LINKING),
    "q3": real(
        "tests/causes/test_linking.py::test_a_phone_that_is_too_old_is_told_to_update_"
        "and_scans_the_same_code"
    ),
    "q4": real(LINKING),
    "q5": real(
        LINKING,
        f"{ACCEPTANCE}pairings.py::test_another_number_that_scans_is_undone_on_its_phone",
    ),
    "q6": never("the portal links by QR code alone and never asks for a pairing code"),
}

MESSAGES: dict[str, Proof] = {
    "i1": real(LINKED, f"{WARNINGS}a_session_that_gets_no_answers_is_restarted"),
    "i2": real(LINKED, f"{WARNINGS}a_refused_new_chat_is_a_warning_and_no_loss"),
    "i3": real(LINKED),
    "sending_paused": real(
        f"{WARNINGS}a_phone_that_sends_too_much_sends_nothing_for_a_while"
    ),
    "p1": real(
        f"{WARNINGS}a_host_warns_of_phones_that_are_away_and_of_phones_that_rest"
    ),
    "d1": real(f"{WARNINGS}messages_that_cannot_be_read_are_a_warning_while_they_last"),
    "stopped_long": real(
        f"{WARNINGS}a_host_warns_of_phones_that_are_away_and_of_phones_that_rest"
    ),
}

OURS: dict[str, Proof] = {
    "l1": real(f"{VERBS}unlink_logs_out_at_whatsapp_and_quarantines_the_keys"),
    "l2": real(
        LINKED,
        f"{ACCEPTANCE}session_process.py::test_it_is_connected_again_without_a_scan",
        f"{GUARDS}crashes_that_repeat_hold_the_phone_and_show_why",
    ),
    "l3": real(
        LINKED,
        f"{ACCEPTANCE}full_disk.py::test_a_full_disk_stops_sending_and_linking_but_costs_"
        "no_keys",
        "tests/host/test_guards.py::test_a_second_store_error_within_ten_minutes_holds",
    ),
    "l4": never(
        "the library would abort, so the store is read before each start: what is "
        "missing is said as keys_cleared, keys_lost or vanished",
        f"{ACCEPTANCE}copied_keys.py::test_rows_deleted_while_it_is_stopped_mean_a_new_"
        "scan",
    ),
    "started": never("a start is no ending: the status *connecting* says it"),
    "refused": real(
        f"{ACCEPTANCE}phone_proxy.py::test_a_sandbox_phone_with_a_proxy_is_not_started",
    ),
    "hung": real(LINKED, f"{WATCHDOGS}a_session_process_that_is_silent_is_killed"),
    "flapping": real(f"{GUARDS}a_phone_that_flaps_pauses_and_then_counts_anew"),
    "no_host": real(
        f"{ACCEPTANCE}pairings.py::test_link_without_a_host_ends_in_time_and_a_late_host_"
        "shows_no_code",
    ),
    "lease_lost": real(
        f"{ACCEPTANCE}frozen_host.py::test_all_are_back_when_it_wakes_and_nobody_took_"
        "over",
        f"{ACCEPTANCE}database_outage.py::test_sessions_end_in_time_and_are_back_with_the_"
        "database",
    ),
    "host_stopped": real(
        f"{ACCEPTANCE}shutdown.py::test_connected_phones_are_given_back"
    ),
    "moved": real(
        f"{ACCEPTANCE}servers.py::test_a_person_moves_a_phone",
    ),
    "host_lost": real(
        f"{ACCEPTANCE}killed_host.py::test_a_restarted_host_has_its_phones_back",
        f"{ACCEPTANCE}frozen_host.py::test_it_disturbs_nobody_when_it_wakes_after_a_"
        "takeover",
    ),
    "restarted_by_person": real(STOP_START),
    "stopped_by_person": real(
        STOP_START, f"{ACCEPTANCE}pairings.py::test_stop_ends_a_pairing"
    ),
    "held_by_person": real(STOP_START),
    "number_elsewhere": never(
        "a second row of the number is refused when a person starts or links it, and "
        "by the database when a host would take it: no session ends of it",
        f"{ACCEPTANCE}pairings.py::test_the_same_number_of_two_organizations_is_linked_"
        "once",
        "tests/host/test_lease.py::test_one_running_row_per_number_across_organizations",
    ),
    "vanished": real(
        f"{ACCEPTANCE}store_file.py::test_a_device_row_that_vanished_holds_the_phone_and_"
        "keeps_its_keys",
    ),
    "copy_refilled": real(
        f"{ACCEPTANCE}copied_keys.py::test_rows_deleted_beside_a_running_session_are_put_"
        "back",
    ),
    "records_broken": real(
        f"{ACCEPTANCE}checked_records.py::test_a_check_beside_a_session_warns_while_it_"
        "fails",
    ),
    "broken_store": real(
        f"{ACCEPTANCE}damaged_stores.py::test_without_a_copy_a_damaged_store_is_kept_for_a_"
        "person",
    ),
    "wrong_realm": real(
        f"{ACCEPTANCE}realms.py::test_a_store_file_of_the_other_realm_is_never_started"
    ),
    "keys_cleared": real(
        f"{ACCEPTANCE}copied_keys.py::test_rows_deleted_while_it_is_stopped_mean_a_new_"
        "scan"
    ),
    "cleared_by_person": real(
        f"{VERBS}clear_of_a_connected_phone_leaves_the_device_on_the_phone"
    ),
    "wrong_number_kept": real(
        f"{ACCEPTANCE}pairings.py::test_a_wrong_number_is_never_kept_when_a_crash_prevents_"
        "the_logout",
    ),
    "keys_lost": recorded(
        "the moment between a scan and the first copy of its keys is too short to hit: "
        "the state of the pairing is written by the test",
        "tests/causes/test_keys_lost.py::test_the_person_is_told_to_remove_the_device_"
        "and_to_scan_again",
    ),
    "pairing_interrupted": real(
        f"{ACCEPTANCE}pairing_crash.py::test_it_is_expired_or_linked_without_a_second_scan"
    ),
    "imported": recorded(
        "it is no ending: an import says so of a phone that has not run here yet",
        f"{IMPORT}phones_are_taken_over_stopped_and_told_how_to_start",
    ),
    "not_imported": recorded(
        "it is no ending: an import says so of a phone that it gave up",
        f"{IMPORT}a_phone_that_fails_needs_a_scan_and_the_others_go_on",
    ),
    "exported": recorded(
        "it is no ending: an export says so of a phone that was stopped before",
        "tests/commands/test_export_baileys.py::test_it_writes_a_dump_and_holds_the_"
        "phone",
    ),
}

PROOFS: dict[str, Proof] = {**WHATSAPP, **PAIRING, **MESSAGES, **OURS}
