def _nothing(*args, **named):
    pass


warn = simplefilter = filterwarnings = resetwarnings = _nothing
