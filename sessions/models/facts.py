"""What a host observed of a phone's session."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from phones.models import OrganizationPhone
from sessions.policy.counters import Counters, losses_from, moments_from


class SessionFacts(models.Model):
    """One row per phone, written by the host with the lease (sessions.host.journal)."""

    phone = models.OneToOneField(
        OrganizationPhone,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="facts",
    )
    # Keys exist: set at PairSuccess, cleared when they are wiped.
    linked = models.BooleanField(_("linked"), default=False)
    # Id of the catalogue of causes, and the values its sentence names.
    cause = models.CharField(_("cause"), max_length=30, blank=True)
    cause_values = models.JSONField(default=dict)
    since = models.DateTimeField(_("since"), null=True)
    rule = models.CharField(_("rule in force"), max_length=40, blank=True)
    next_at = models.DateTimeField(_("next attempt"), null=True)
    attempts = models.PositiveIntegerField(_("attempts in a row"), default=0)
    # Starts in a row that never reached WhatsApp; not held against the phone.
    dial_failures = models.PositiveIntegerField(default=0)
    # The wish a hold was set under (see Wish.generation); None: not held.
    held_generation = models.BigIntegerField(null=True)
    # The latest wish the host has acted on.
    seen_generation = models.BigIntegerField(default=0)
    # Link stays shut until a person confirms (403, 406) or until a time (401 at once).
    link_needs_confirmation = models.BooleanField(default=False)
    link_shut_until = models.DateTimeField(null=True)
    host_name = models.CharField(_("server"), max_length=100, blank=True)
    connected_at = models.DateTimeField(_("connected since"), null=True)
    replaced_at = models.DateTimeField(null=True)
    proof_at = models.DateTimeField(_("proof of life"), null=True)
    last_action = models.CharField(_("last action"), max_length=100, blank=True)
    last_action_at = models.DateTimeField(null=True)
    received = models.BigIntegerField(_("messages received"), default=0)
    sent = models.BigIntegerField(_("messages sent"), default=0)
    undecryptable = models.BigIntegerField(_("undecryptable"), default=0)
    primary_seen_at = models.DateTimeField(_("primary phone seen"), null=True)
    library_version = models.CharField(_("library"), max_length=60, blank=True)
    # What the guards of the policy count: [cause, ISO time], oldest first, short.
    losses = models.JSONField(default=list)
    # Moments (ISO) at which it was connected again, of the last hour at most.
    reconnects = models.JSONField(default=list)
    # {cause id: {"since": ISO, …values of its sentence}}: said while it runs.
    warnings = models.JSONField(default=dict)
    # It waits for the end of this incident.
    incident = models.ForeignKey(
        "phone_sessions.Incident",
        on_delete=models.SET_NULL,
        null=True,
        related_name="waiting",
    )

    class Meta:
        verbose_name = _("session facts")
        verbose_name_plural = _("session facts")

    def __str__(self) -> str:
        return f"phone={self.phone_id} cause={self.cause or '-'}"

    @property
    def counters(self) -> Counters:
        """What the guards of the policy count."""
        return Counters(
            attempts=self.attempts,
            dial_failures=self.dial_failures,
            replaced_at=self.replaced_at,
            losses=losses_from(self.losses),
            reconnects=moments_from(self.reconnects),
        )
