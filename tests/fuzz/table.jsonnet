// A small table for kills.py: a tagger of the source, from which another one begins, and a row of its own.
{
  corpora: { bio: { SOURCE: 'en', TARGET: 'bio' } },
  systems: {
    source: { config: 'cross_domain/stm_target', variables: { TARGET: '$SOURCE' } },
    fine_tune: { config: 'cross_domain/fine_tune', after: { ARCHIVE: 'source' } },
    crf: 'cross_domain/stm_target',
  },
  rows: ['fine_tune', 'crf'],
  seeds: [13],
  overrides: {
    'model.encoder.hidden_size': 16,
    'trainer.num_epochs': 2,
    'trainer.optimizer': { type: 'adam', lr: 0.02 },
  },
}
