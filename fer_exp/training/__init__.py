"""Training: a recipe, a development part and a seed become epochs and weights in a record.

In: a Recipe, a Development, a seed. Out: a trained model, and a line for each epoch.

    train          one training, resumed where an earlier attempt ended
    regime         Keras's callbacks as the history says they stand: early stopping, plateau, best weights
    balance        which training images are shown more than once, and how much each class counts
    distillation   targets that are in part what a teacher says
    refusals       why a recipe does not train, however often it is tried
    mixup          batches in which every face is blended with another
    feed           arrays and batches on their way into Keras
"""
