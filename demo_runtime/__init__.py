"""A runtime of your own for Elyra's pipeline editor, as small as can be."""


def _jupyter_server_extension_points():
    from demo_runtime.server import DemoRuntimeExtension

    return [{"module": "demo_runtime.server", "app": DemoRuntimeExtension}]
