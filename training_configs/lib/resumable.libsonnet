// What a trainer needs so that `allennlp train --recover` ends with the weights and metrics of an unbroken run.
{
  checkpointer: { type: 'atomic' },
  callbacks: [{ type: 'random_state' }, { type: 'recovery' }],
}
