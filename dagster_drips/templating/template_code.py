"""What templates are compiled to: Jinja's own code, with a count wherever something is repeated or built.

Only the places of the counts; what is counted and how much is allowed is in `template_limits`. The compiled code calls
the environment: `turns` and `turn`, `built`, `shown` and `escaped`.
"""

from __future__ import annotations

from typing import Any

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame

_TURNS = nodes.EnvironmentAttribute("turns")
_TURN = nodes.EnvironmentAttribute("turn")
_OURS = (_TURNS, _TURN)


class CountingCode(CodeGenerator):
    """Jinja's code generator with counts put in."""

    def visit_For(self, node: nodes.For, frame: Frame) -> None:
        """Count the turns of a loop, of its filter (`if`) too."""
        node.iter = nodes.Call(_TURNS, [node.iter], [], None, None, lineno=node.lineno)
        if node.recursive:
            # `loop(children)` goes over what it is given without a look at `iter`.
            node.body.insert(0, nodes.ExprStmt(nodes.Call(_TURN, [], [], None, None), lineno=node.lineno))
        super().visit_For(node, frame)

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:
        """Call our own counts directly; whatever the template calls goes through `TemplateEnvironment.call`."""
        if node.node in _OURS:
            self.visit(node.node, frame)
            self.write("(")
            for argument in node.args:
                self.visit(argument, frame)
            self.write(")")
        else:
            super().visit_Call(node, frame, forward_caller=forward_caller)

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        """Count what `~` joins before it is joined."""
        if frame.eval_ctx.volatile:
            join = "(markup_join if context.eval_ctx.volatile else str_join)"
        else:
            join = "markup_join" if frame.eval_ctx.autoescape else "str_join"
        self.write(f"{join}(environment.built((")
        for item in node.nodes:
            self.visit(item, frame)
            self.write(", ")
        self.write(")))")

    def visit_List(self, node: nodes.List, frame: Frame) -> None:
        """Count a list with all that is in it."""
        self._counted(super().visit_List, node, frame)

    def visit_Dict(self, node: nodes.Dict, frame: Frame) -> None:
        """Count a dict with all that is in it."""
        self._counted(super().visit_Dict, node, frame)

    def visit_Tuple(self, node: nodes.Tuple, frame: Frame) -> None:
        """Count a tuple with all that is in it, unless it is what values are unpacked into."""
        if node.ctx == "load":
            self._counted(super().visit_Tuple, node, frame)
        else:
            super().visit_Tuple(node, frame)

    def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:
        """Count the copy that a slice is."""
        if isinstance(node.arg, nodes.Slice):
            self._counted(super().visit_Getitem, node, frame)
        else:
            super().visit_Getitem(node, frame)

    def _counted(self, visit: Any, node: nodes.Node, frame: Frame) -> None:
        self.write("environment.built(")
        visit(node, frame)
        self.write(")")

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: Any) -> str:
        # Expressions are never worked out while compiling, where nothing is counted.
        if not isinstance(node, (nodes.TemplateData, nodes.Const)):
            raise nodes.Impossible
        return super()._output_child_to_const(node, frame, finalize)

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        if frame.eval_ctx.volatile or not frame.eval_ctx.autoescape:
            self.write("environment.shown(")
            super()._output_child_pre(node, frame, finalize)
        else:
            # In the place of both that and Jinja's own `escape`.
            self.write("environment.escaped(")
            if finalize.src is not None:
                self.write(finalize.src)

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        super()._output_child_post(node, frame, finalize)
        if frame.eval_ctx.volatile or not frame.eval_ctx.autoescape:
            self.write(")")
