"""Phone sessions: linking, running and watching WhatsApp linked devices."""
