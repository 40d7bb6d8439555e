"""What the log agents look for: secrets to hide, lines that belong together, signs of broken hardware.

Expressions that both Python and Rust read in the same way, so that the tests try the very ones that run.
"""

SECRETS: tuple[str, ...] = (
    # Key ids and tokens that tell what they are by how they begin.
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    r"\bAIza[0-9A-Za-z_-]{35}",
    r"\bgh[pousr]_[A-Za-z0-9]{30,}",
    r"\bgithub_pat_[A-Za-z0-9_]{30,}",
    r"\bglpat-[A-Za-z0-9_-]{20,}",
    r"\bhf_[A-Za-z0-9]{30,}",
    r"\bsk-[A-Za-z0-9_-]{20,}",
    r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
    # JSON Web Tokens, which service accounts and most sign-ins use.
    r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
    r"(?i)\b(?:bearer|basic)\s+[A-Za-z0-9._~+/=-]{16,}",
    # A user and a password in an address.
    r"://[^/\s:@]+:[^/\s@]+@",
    # Whatever is assigned to a name that says that it is a secret; "tokens" are what a model reads.
    r"(?i)[A-Za-z0-9_-]*(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)"
    r"(?:[_-][A-Za-z0-9_-]*)?[\"']?\s*[:=]\s*[\"']?[^\s\"',;&]{6,}",
    # A private key: the whole of it where its lines were joined, else each line that could be a part.
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*",
    r"^[A-Za-z0-9+/]{60,}={0,2}$",
)
"""Always hidden. Forms as their issuers document them (from memory)."""

CONTINUATIONS: tuple[str, ...] = (
    r"^\s",
    r"^(?:Caused by|Suppressed): ",
    r"^During handling of the above exception",
    r"^The above exception was the direct cause",
    r"^(?:[A-Za-z_]+\.)*[A-Za-z_]*(?:Error|Exception|Interrupt|Exit)(?::|$)",
    r"^goroutine \d+ \[",
    r"^-----END ",
    # The lines of a key, so that it is hidden as one.
    r"^[A-Za-z0-9+/]{20,76}={0,2}$",
)

KERNEL: tuple[str, ...] = (
    r"NVRM: ",
    r"nvidia-nvswitch|NVLink",
    r"amdgpu.*(?:RAS|error|reset)",
    r"mlx5_core.*(?:error|health|fail)",
    r"\befa\b.*(?:error|fail)",
    r"AER: |Machine check|\bMCE\b|EDAC .* [CU]E",
    r"I/O error|EXT4-fs error|XFS .*(?:Corruption|error)|nvme.*(?:timeout|reset|failed)",
    r"Out of memory|oom-kill|invoked oom-killer",
    r"hung_task|blocked for more than|soft lockup",
    r"link is (?:down|not ready)|Link down",
)
"""What the kernel says of hardware that breaks and of processes that it ends."""
