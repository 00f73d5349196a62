"""Real servers, and stand-ins that speak a provider's wire format, each on a port of loopback."""
