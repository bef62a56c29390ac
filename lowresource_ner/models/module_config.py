"""The config of a model's modules, and checks of the names in it."""

from typing import Dict, List, Optional

import torch
from allennlp.common import FromParams
from allennlp.common.checks import ConfigurationError


class ModuleConfig(FromParams):
    """
    The config of a module: a task in a domain. The model builds a `Branch` from it.

    # Parameters

    task, domain : `str`
        One of the model's `tasks` and one of its `domains`, for which the encoder is generated.
    head : `str`
        The name of one of the model's `heads`.
    label_namespace : `Optional[str]`, optional (default = `"{domain}_labels"`)
        The label namespace of the module's reader. Language models ignore it.
    """

    def __init__(self, task: str, domain: str, head: str, label_namespace: Optional[str] = None) -> None:
        self.task = task
        self.domain = domain
        self.head = head
        self.label_namespace = label_namespace or f"{domain}_labels"


def check_names(
    tasks: List[str],
    domains: List[str],
    heads: List[str],
    modules: Dict[str, ModuleConfig],
    default_module: str,
    unlabelled_domains: List[str],
) -> None:
    """
    Checks all names of a model's config.

    # Raises

    `ConfigurationError`
        If a module, the default module or an unlabelled domain refers to a name that does not exist, a head is not used by any
        module, or its name is not allowed as a submodule name in torch.
    """

    def check(name: str, known: List[str], what: str, where: str) -> None:
        if name not in known:
            raise ConfigurationError(f"{where} is '{name}', and the model's {what} are {', '.join(known) or 'none'}.")

    for module_name, module in modules.items():
        check(module.task, tasks, "tasks", f"The task of module '{module_name}'")
        check(module.domain, domains, "domains", f"The domain of module '{module_name}'")
        check(module.head, heads, "heads", f"The head of module '{module_name}'")
    check(default_module, list(modules), "modules", "'default_module'")
    for domain in unlabelled_domains:
        check(domain, domains, "domains", "One of 'unlabelled_domains'")
    for head in heads:
        check(head, [module.head for module in modules.values()], "modules' heads", "One of 'heads'")
        if "." in head or hasattr(torch.nn.ModuleDict(), head):
            raise ConfigurationError(
                f"One of 'heads' is '{head}', which torch does not allow as the name of a submodule. Rename it, for example to "
                f"'{head.replace('.', '_')}_head', here and in the 'head' of its modules."
            )
