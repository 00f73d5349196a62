"""AWS on this machine: emulators, what they lack of AWS Batch, and a proxy for AWS's bad days."""
