"""Says which labels have chosen the checkpoint of a training, from its config."""

from pathlib import Path
from typing import Any, Dict, List, Mapping

NOTHING = "nothing (last epoch)"

_KEEPS_LAST = "keep_last_epoch"
_UNLABELLED = "distillation_loss"


def checkpoint_choice(config: Mapping[str, Any], owners: Mapping[Path, str]) -> str:
    """
    What the checkpoint was chosen by: "nothing (last epoch)", "target development F1", and the like.

    # Parameters

    config : `Mapping[str, Any]`
        Of the training, with all overrides.
    owners : `Mapping[Path, str]`
        What the corpora in these folders are: "target" or "source".
    """
    if config["trainer"].get("type") == "no_op":
        return "nothing (no training)"
    whose = validated_on(config, owners)
    if not whose or _keeps_last(config):
        return NOTHING
    metrics = " and ".join(dict.fromkeys(map(_said, _metrics(config))))
    if _is_unlabelled(config):
        return f"{metrics} on held-out {whose} text, no labels"
    return f"{whose} development {metrics}"


def validated_on(config: Mapping[str, Any], owners: Mapping[Path, str]) -> str:
    """Whose data a training is validated on, by the validation metric: "target", "source", another's name, "" for none."""
    paths = config.get("validation_data_path")
    if isinstance(paths, dict):
        # Metrics of several data sets begin with the name of theirs.
        of_metric = [paths[name] for name in paths if any(metric.startswith(f"{name}_") for metric in _metrics(config))]
        paths = of_metric or list(paths.values())
    return " and ".join(dict.fromkeys(_owner(path, owners) for path in _flat(paths)))


def without_target_labels(config: Mapping[str, Any], owners: Mapping[Path, str]) -> Dict[str, Any]:
    """The overrides by which no label of the target chooses the checkpoint: the last epoch is kept. Empty where none does."""
    if "target" not in validated_on(config, owners).split(" and ") or _keeps_last(config) or _is_unlabelled(config):
        return {}
    if config["trainer"].get("type") == "no_op":
        return {}
    callbacks = [*config["trainer"].get("callbacks", []), {"type": _KEEPS_LAST}]
    # Patience would stop a training by the same labels.
    patience = {"trainer.patience": None} if config["trainer"].get("patience") is not None else {}
    return {"trainer.callbacks": callbacks, **patience}


def validation_key(config: Mapping[str, Any]) -> str:
    """The key of F1 on the development data in the metrics of an epoch."""
    return next((f"validation_{metric}" for metric in _metrics(config) if _is_f1(metric)), "validation_f1")


def _keeps_last(config: Mapping[str, Any]) -> bool:
    return any(callback.get("type") == _KEEPS_LAST for callback in config["trainer"].get("callbacks") or [])


def _is_unlabelled(config: Mapping[str, Any]) -> bool:
    return all(metric.endswith(_UNLABELLED) for metric in _metrics(config))


def _metrics(config: Mapping[str, Any]) -> List[str]:
    """The names without their signs. AllenNLP's default is the loss."""
    found = config["trainer"].get("validation_metric") or "-loss"
    return [name.lstrip("+-") for name in ([found] if isinstance(found, str) else found)]


def _is_f1(metric: str) -> bool:
    """AllenNLP's own is "f1-measure-overall"."""
    return metric.endswith("f1") or metric == "f1-measure-overall"


def _said(metric: str) -> str:
    return "F1" if _is_f1(metric) else metric.replace("_", " ")


def _flat(paths: Any) -> List[str]:
    if paths is None:
        return []
    return [paths] if isinstance(paths, str) else [path for each in paths for path in _flat(each)]


def _owner(path: str, owners: Mapping[Path, str]) -> str:
    folder = Path(path).parent
    return owners.get(folder, folder.name)
