"""The subcommands of ``gala-viz``, one module each; ``gala_viz.cli`` lists them."""
