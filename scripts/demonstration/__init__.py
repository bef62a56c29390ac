"""What scripts/demo.py needs: AllenNLP's commands in one process, and a screen to show what came of them."""
