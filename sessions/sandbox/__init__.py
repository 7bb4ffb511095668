"""A loopback WhatsApp: enough of the real server for the unpatched client to pair,
log in, be thrown out and exchange encrypted messages without leaving the machine."""
