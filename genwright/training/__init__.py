"""How every family learns: one loop for gradient families, and the same door for closed forms.

config        settings of the loop
batches       which rows a step sees
budget        minutes or steps → a number of steps
checkpoint    everything a training is, in one file
monitors      what went wrong, in sentences
processes     which of several processes this is
loop          the loop
learn         the door
"""
