"""The config of a model's modules, and checks of the names in it."""

from typing import Dict, List, Optional

import torch
from allennlp.common import FromParams
from allennlp.common.checks import ConfigurationError


class ModuleConfig(FromParams):
    """
    The config of a module: one task in one domain. The model makes a `Branch` of it.

    # Parameters

    task, domain : `str`
        Of the model's `tasks` and `domains`: what the encoder is generated for.
    head : `str`
        Of the model's `heads`: what reads the encoder's states.
    label_namespace : `Optional[str]`, optional (default = `"{domain}_labels"`)
        That of the reader whose tags the module learns. A language model ignores it.
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
    Raises a `ConfigurationError` where a module, the default module or an unlabelled domain names what does not exist, no module
    uses a head, or a head has a name that torch does not take.
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
                f"One of 'heads' is '{head}', which torch does not take as the name of a model's part. Name it otherwise, such "
                f"as '{head.replace('.', '_')}_head', and its modules' 'head' with it."
            )
