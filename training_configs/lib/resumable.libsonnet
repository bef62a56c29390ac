// Makes `allennlp train --recover` end with the weights and metrics of an uninterrupted run.
{
  checkpointer: { type: 'atomic' },
  callbacks: [{ type: 'random_state' }, { type: 'recovery' }],
}
