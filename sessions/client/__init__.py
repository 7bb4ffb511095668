"""The session process: one linked device of WhatsApp in one OS process, no Django."""
