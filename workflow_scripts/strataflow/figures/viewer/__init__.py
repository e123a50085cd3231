"""A viewer in the browser: linked sections, picked faults and horizons, and a 3D scene.

Bokeh draws the sections and keeps them in step with Python; vtk.js, from trame-vtk, draws the 3D
scene. Volumes are memory maps, and only what is shown is read.
"""
