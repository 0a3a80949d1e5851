"""Which endings stand for which kind of file, and which files only describe others. Standard library alone."""

JSON_NAMES = {".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl"}
CSV_NAMES = {".csv", ".tsv", ".tab"}
PARQUET_NAMES = {".parquet", ".pq"}
ARROW_NAMES = {".arrow", ".feather", ".ipc"}
EXCEL_NAMES = {".xlsx", ".xlsm"}
TEXT_NAMES = {".txt", ".text", ".md"}
READABLE = "JSON, JSONL, CSV, TSV, Excel (.xlsx), Parquet, Arrow"  # and text

UNFINISHED = {".part", ".partial", ".crdownload", ".download"}
READ_NAMES = {*JSON_NAMES, *CSV_NAMES, *PARQUET_NAMES, *ARROW_NAMES, *EXCEL_NAMES, *TEXT_NAMES}

# Files that lie beside data and describe it: no rows in them.
SIDECARS = {
    *("dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "metadata.json", "config.json"),
    *("schema.json", "croissant.json", "package.json", "manifest.json", "readme.md", "readme.txt", "license.txt"),
    *("license.md", "licence.txt", "licence.md", "changelog.md", "citation.txt"),
}

SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "eval": "test",
    "evaluation": "test",
}


def split_of(path: str) -> str | None:
    """train, validation or test, if a file's path says it as a whole word: data/train-00000-of-00002.parquet."""
    for part in reversed(path.lower().split("/")):
        words = "".join(char if char.isalpha() else " " for char in part.partition(".")[0]).split()
        found = {SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS}
        if len(found) == 1:
            return found.pop()
    return None
