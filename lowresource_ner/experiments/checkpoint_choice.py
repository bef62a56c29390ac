"""Determines from the config of a training which data its checkpoint was selected on."""

from pathlib import Path
from typing import Any, Dict, List, Mapping

NOTHING = "nothing (last epoch)"

_KEEPS_LAST = "keep_last_epoch"
_UNLABELLED = "distillation_loss"


def checkpoint_choice(config: Mapping[str, Any], owners: Mapping[Path, str]) -> str:
    """
    Returns what the checkpoint was selected by, such as "target development F1" or "nothing (last epoch)".

    # Parameters

    config : `Mapping[str, Any]`
        The config of the training, with all overrides.
    owners : `Mapping[Path, str]`
        The roles of corpora, "target" or "source", by their folders.
    """
    if not _is_trained(config):
        return "nothing (no training)"
    whose = validated_on(config, owners)
    if not whose or _keeps_last(config):
        return NOTHING
    metrics = " and ".join(dict.fromkeys(map(_described, _metrics(config))))
    if _is_unlabelled(config):
        return f"{metrics} on held-out {whose} text, no labels"
    return f"{whose} development {metrics}"


def validated_on(config: Mapping[str, Any], owners: Mapping[Path, str]) -> str:
    """
    Returns whose data the validation metric is computed on: "target", "source", the name of another corpus, or "" if there is no
    validation data.
    """
    paths = config.get("validation_data_path")
    if isinstance(paths, dict):
        # If there are several data sets, metrics begin with the name of one.
        matching = [paths[name] for name in paths if any(metric.startswith(f"{name}_") for metric in _metrics(config))]
        paths = matching or list(paths.values())
    return " and ".join(dict.fromkeys(_owner(path, owners) for path in _flattened(paths)))


def without_target_labels(config: Mapping[str, Any], owners: Mapping[Path, str]) -> Dict[str, Any]:
    """Returns overrides that keep the last epoch, if labels of the target would select the checkpoint; otherwise none."""
    if "target" not in validated_on(config, owners).split(" and ") or _keeps_last(config) or _is_unlabelled(config):
        return {}
    if not _is_trained(config):
        return {}
    callbacks = [*config["trainer"].get("callbacks", []), {"type": _KEEPS_LAST}]
    # Early stopping uses the same labels.
    patience = {"trainer.patience": None} if config["trainer"].get("patience") is not None else {}
    return {"trainer.callbacks": callbacks, **patience}


def validation_key(config: Mapping[str, Any]) -> str:
    """Returns the key of development F1 in the metrics of an epoch."""
    return next((f"validation_{metric}" for metric in _metrics(config) if _is_f1(metric)), "validation_f1")


def _is_trained(config: Mapping[str, Any]) -> bool:
    return bool(config["trainer"].get("type") != "no_op")


def _keeps_last(config: Mapping[str, Any]) -> bool:
    return any(callback.get("type") == _KEEPS_LAST for callback in config["trainer"].get("callbacks") or [])


def _is_unlabelled(config: Mapping[str, Any]) -> bool:
    return all(metric.endswith(_UNLABELLED) for metric in _metrics(config))


def _metrics(config: Mapping[str, Any]) -> List[str]:
    """Returns the validation metrics without their signs. AllenNLP's default is the loss."""
    names = config["trainer"].get("validation_metric") or "-loss"
    return [name.lstrip("+-") for name in ([names] if isinstance(names, str) else names)]


def _is_f1(metric: str) -> bool:
    return metric.endswith("f1") or metric == "f1-measure-overall"  # the latter is AllenNLP's


def _described(metric: str) -> str:
    return "F1" if _is_f1(metric) else metric.replace("_", " ")


def _flattened(paths: Any) -> List[str]:
    if paths is None:
        return []
    return [paths] if isinstance(paths, str) else [path for each in paths for path in _flattened(each)]


def _owner(path: str, owners: Mapping[Path, str]) -> str:
    folder = Path(path).parent
    return owners.get(folder, folder.name)
