"""JSON files of a folder, and the ids of special tokens that they name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genwright.core.errors import RunError
from genwright.runs import strict_json

CONFIG, GENERATION, TOKENIZER = "config.json", "generation_config.json", "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"


def read_document(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        RunError: there is no such file, or it holds something else.
    """
    if not path.is_file():
        raise RunError(f"{path} is absent; expected a folder that transformers' save_pretrained wrote")
    try:
        found = strict_json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read: {error}; get the folder anew") from None
    if not isinstance(found, dict):
        raise RunError(f"{path} holds {type(found).__name__}, expected an object; get the folder anew")
    return found


def optional_document(path: Path) -> dict[str, Any]:
    """The same, empty where there is no such file."""
    return read_document(path) if path.exists() else {}


def special_id(
    kind: str, documents: tuple[Mapping[str, Any], ...], of_tokenizer: Mapping[str, Any], tokenizer: Any, n: int
) -> int | None:
    """The id of a special token, from the first that names one of the n there are.

    Args:
        kind: bos, eos or pad.
        documents: `config.json`, `generation_config.json`: they name ids, of which the first counts.
        of_tokenizer: `tokenizer_config.json`: it names a token.
        tokenizer: The tokenizer.
        n: Tokens.
    """
    named = [document.get(f"{kind}_token_id") for document in documents]
    found = [i[0] if isinstance(i, list) and i else i for i in named]
    token = of_tokenizer.get(f"{kind}_token")
    token = token.get("content") if isinstance(token, dict) else token
    found.append(tokenizer.token_to_id(token) if isinstance(token, str) else None)
    return next((i for i in found if isinstance(i, int) and 0 <= i < n), None)
